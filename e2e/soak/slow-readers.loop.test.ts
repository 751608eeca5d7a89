import { connect, type Socket } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { figures, times } from '../../test/loop/loop.ts'
import { callerProcess, programPath } from '../kit/caller.ts'
import { pause } from '../kit/eventually.ts'
import { memoryOf, restingKb } from '../kit/memory.ts'
import { type Mesh, startMesh } from '../kit/mesh.ts'

// Callers that ask for a gigabyte and read next to nothing of it. What a sidecar holds for one is too little to be seen beside its heap, so there are many.

const READERS = times(40, 200)
const WATCH_MS = times(6_000, 60_000)
const BODY_BYTES = 1_000_000_000
const KB_EACH_MAX = 1_024
/** What each reader takes now and then, so that nobody takes it for dead. */
const SIP_BYTES = 4_096
const SIP_MS = 500
/** What a first load brings into the heap is none of the readers'. */
const WARM_REQUESTS = 20

let mesh: Mesh
const readers: Socket[] = []

beforeAll(async () => {
  mesh = await startMesh(`
apiVersion: selvedge.dev/v1
kind: Process
metadata: { name: blobs, namespace: shop }
spec: { command: [node, ${programPath('blobs.ts')}], service: blobs }
${callerProcess()}`)
}, 60_000)
afterAll(async () => {
  for (const reader of readers) reader.destroy()
  await mesh?.stop()
})

/** Settles when the head of the answer, or some of the body, is here; from then on it is read in sips. */
function slowReader(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1' })
    socket.once('error', reject)
    socket.write(`GET /?bytes=${BODY_BYTES} HTTP/1.1\r\nHost: blobs.shop\r\n\r\n`)
    socket.once('readable', () => {
      const sips = setInterval(() => void socket.read(SIP_BYTES), SIP_MS)
      socket.once('close', () => clearInterval(sips))
      resolve(socket)
    })
  })
}

test(`${READERS} slow readers of a gigabyte cost each sidecar at most ${KB_EACH_MAX} KB each`, async context => {
  const { outbound } = mesh.sidecar('shop/caller')
  const pids = ['shop/caller', 'shop/blobs'].map(name => mesh.sidecar(name).pid)
  for (let i = 0; i < WARM_REQUESTS; i++) {
    const answer = await fetch(`http://127.0.0.1:${outbound}/?bytes=1000000`, { headers: { host: 'blobs.shop' } })
    await answer.arrayBuffer()
  }
  const before = await Promise.all(pids.map(pid => restingKb(pid, 3_000)))
  for (let i = 0; i < READERS; i++) readers.push(await slowReader(outbound))
  let most = [0, 0]
  for (const end = performance.now() + WATCH_MS; performance.now() < end; await pause(500)) {
    most = pids.map((pid, i) => Math.max(most[i] ?? 0, memoryOf(pid).privateDirtyKb))
  }
  const [near, far] = most.map((kb, i) => (kb - (before[i] ?? 0)) / READERS)
  figures(context, { readers: READERS, callerSidecarKbEach: near ?? 0, calleeSidecarKbEach: far ?? 0 })
  console.log(`a slow reader costs ${near?.toFixed(0)} KB at its own sidecar and ${far?.toFixed(0)} KB at the far one`)
  // They are served still: nobody has been let go to save memory.
  expect(readers.filter(({ destroyed }) => destroyed)).toEqual([])
  expect(near).toBeLessThanOrEqual(KB_EACH_MAX)
  expect(far).toBeLessThanOrEqual(KB_EACH_MAX)
})
