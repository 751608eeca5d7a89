import { readFileSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { figures, times } from '../test/loop/loop.ts'
import { callerProcess, programPath } from './kit/caller.ts'
import { type Mesh, startMesh } from './kit/mesh.ts'
import { run } from './kit/program.ts'

// One body after the other, up and down, through two sidecars whose memory stays as it was.

const BYTES = times(100_000_000, 1_000_000_000)
const WARM_BYTES = 20_000_000
/** What a sidecar may hold of a body, buffers and garbage that waits for its collection together. */
const GROWTH_KB_MAX = 64 * 1024
const CURL_MS = times(30_000, 300_000)

let mesh: Mesh
let proxy: string

beforeAll(async () => {
  mesh = await startMesh(`
apiVersion: selvedge.dev/v1
kind: Process
metadata: { name: blobs, namespace: shop }
spec: { command: [node, ${programPath('blobs.ts')}], service: blobs }
${callerProcess()}`)
  proxy = `http://127.0.0.1:${mesh.sidecar('shop/caller').outbound}`
}, 60_000)
afterAll(async () => {
  await mesh?.stop()
})

/** Settles with the number of bytes that came. */
async function down(bytes: number): Promise<number> {
  const url = `http://blobs.shop/?bytes=${bytes}`
  const curl = await run(['curl', '-sS', '-x', proxy, '-o', '/dev/null', '-w', '%{size_download}', url], {
    timeoutMs: CURL_MS,
  })
  expect(curl).toMatchObject({ code: 0, stderr: '' })
  return Number(curl.stdout)
}

/** Settles with the number of bytes that the application has counted; they come from a pipe, so in chunks. */
async function up(bytes: number): Promise<number> {
  const pipe = `head -c ${bytes} /dev/zero | curl -sS -x ${proxy} -T - http://blobs.shop/`
  const curl = await run(['sh', '-c', pipe], { timeoutMs: CURL_MS })
  expect(curl).toMatchObject({ code: 0, stderr: '' })
  return (JSON.parse(curl.stdout) as { bytes: number }).bytes
}

function residentKb(pid: number, field: 'VmRSS' | 'VmHWM'): number {
  return Number(new RegExp(`^${field}:\\s+([0-9]+) kB$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])
}

test(`bodies of ${BYTES / 1e6} MB go down and up in flat memory`, async context => {
  await down(WARM_BYTES)
  await up(WARM_BYTES)
  const sidecars = ['shop/caller', 'shop/blobs'].map(name => ({ name, pid: mesh.sidecar(name).pid }))
  const before = sidecars.map(({ pid }) => residentKb(pid, 'VmRSS'))
  // Linux forgets the highest mark so far (proc(5), clear_refs).
  for (const { pid } of sidecars) writeFileSync(`/proc/${pid}/clear_refs`, '5')
  const begun = performance.now()
  expect(await down(BYTES)).toBe(BYTES)
  expect(await up(BYTES)).toBe(BYTES)
  const seconds = (performance.now() - begun) / 1000
  const growthKb = sidecars.map(({ pid }, n) => residentKb(pid, 'VmHWM') - (before[n] ?? 0))
  figures(context, {
    megabytesEachWay: BYTES / 1e6,
    callerSidecarGrowthMB: Math.round((growthKb[0] ?? 0) / 1024),
    calleeSidecarGrowthMB: Math.round((growthKb[1] ?? 0) / 1024),
    megabytesPerSecond: Math.round((2 * BYTES) / 1e6 / seconds),
  })
  console.log(`resident memory grew by at most ${growthKb.join(' and ')} kB`)
  expect(Math.max(...growthKb)).toBeLessThan(GROWTH_KB_MAX)
})
