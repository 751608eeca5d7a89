import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { callerProcess, programPath } from './kit/caller.ts'
import { pause } from './kit/eventually.ts'
import { type Mesh, startMesh } from './kit/mesh.ts'
import { run, startProgram } from './kit/program.ts'

const BYTES = 100_000_000
/**
 * What a slow reader gets, and how much of it may have left its source meanwhile. Between them lie two sidecars and the buffers of six
 * sockets, each of which grows to some MB, as Linux sees fit; without backpressure it would be all.
 */
const SLOW_BYTES = 500_000_000
const HELD_BYTES_MAX = 150_000_000
const SLOW_READ_MS = 2_000
/** An idle sidecar has some 100 MB resident; what it carries may not add much to that, however large the body. */
const RESIDENT_KB_MAX = 256 * 1024

let mesh: Mesh
let proxy: string
let blob: Buffer

beforeAll(async () => {
  mesh = await startMesh(`
apiVersion: selvedge.dev/v1
kind: Process
metadata: { name: blobs, namespace: shop }
spec: { command: [node, ${programPath('blobs.ts')}], service: blobs }
${callerProcess()}`)
  proxy = `http://127.0.0.1:${mesh.sidecar('shop/caller').outbound}`
  blob = Buffer.alloc(BYTES, 'a body that is too large to be held ')
  writeFileSync(join(mesh.dir, 'blob'), blob)
}, 60_000)
afterAll(async () => {
  await mesh?.stop()
})

describe('a body of 100 MB', () => {
  test('comes down whole', async () => {
    const file = join(mesh.dir, 'down')
    const curl = await run(['curl', '-sS', '-x', proxy, '-o', file, `http://blobs.shop/?bytes=${BYTES}`])
    expect(curl).toMatchObject({ code: 0, stderr: '' })
    const down = readFileSync(file)
    expect(down.length).toBe(BYTES)
    expect(sha256(down)).toBe(sha256(Buffer.alloc(BYTES, Buffer.alloc(65_536, 'selvedge '))))
  })

  test.each([
    { how: 'with its length', headers: [] },
    { how: 'in chunks', headers: ['-H', 'Transfer-Encoding: chunked'] },
  ])('goes up whole $how', async ({ headers }) => {
    const curl = await run(['curl', '-sS', '-x', proxy, ...headers, '-T', join(mesh.dir, 'blob'), 'http://blobs.shop/'])
    expect(curl).toMatchObject({ code: 0, stderr: '' })
    expect(JSON.parse(curl.stdout)).toEqual({ bytes: BYTES, sha256: sha256(blob) })
  })

  test('waits for a slow reader at its source, and fills no sidecar', async () => {
    const url = `http://blobs.shop/?bytes=${SLOW_BYTES}`
    const slow = startProgram(['curl', '-sS', '-x', proxy, '--limit-rate', '1M', '-o', '/dev/null', url])
    try {
      await pause(SLOW_READ_MS)
      const answer = await run(['curl', '-sS', '-x', proxy, 'http://blobs.shop/sent'])
      const { sent } = JSON.parse(answer.stdout) as { sent: number }
      console.log(`a slow reader after ${SLOW_READ_MS} ms: ${(sent / 1e6).toFixed(1)} MB have left the source`)
      expect(sent).toBeGreaterThan(0)
      expect(sent).toBeLessThan(HELD_BYTES_MAX)
    } finally {
      await slow.end()
    }
  })

  test('leaves the sidecars small', () => {
    for (const workload of ['shop/blobs', 'shop/caller']) {
      const status = readFileSync(`/proc/${mesh.sidecar(workload).pid}/status`, 'utf8')
      const peakKb = Number(/^VmHWM:\s+([0-9]+) kB$/m.exec(status)?.[1])
      console.log(`${workload}: at most ${(peakKb / 1024).toFixed(0)} MB resident`)
      expect(peakKb).toBeLessThan(RESIDENT_KB_MAX)
    }
  })
})

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}
