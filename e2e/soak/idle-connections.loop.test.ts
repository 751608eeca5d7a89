import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { figures, times } from '../../test/loop/loop.ts'
import { callerIn, callerProcess, echoProcess, programPath } from '../kit/caller.ts'
import { memoryOf, restingKb } from '../kit/memory.ts'
import { type Mesh, startMesh } from '../kit/mesh.ts'
import { startProgram } from '../kit/program.ts'

const WANTED = times(1_000, 10_000)
/** A sidecar keeps half of its descriptors for requests, or 4,096, and 128 for itself. Some are for this test's own calls. */
const FOR_CALLERS = Math.max(Math.floor((descriptorsMax() - 128) / 2), descriptorsMax() - 128 - 4_096)
const CONNECTIONS = Math.min(WANTED, FOR_CALLERS - 16)
/** What is promised of each; with few of them, what the first ones bring into the heap weighs more. */
const KB_EACH_MAX = times(60, 8)
/** What a short load leaves in the heap is gone by then. */
const REST_MS = times(4_000, 30_000)
const OPENED_MS = 120_000

let mesh: Mesh

beforeAll(async () => {
  mesh = await startMesh([echoProcess('hello', 'hello'), callerProcess()].join(''))
}, 60_000)
afterAll(async () => {
  await mesh?.stop()
})

test(`${WANTED} idle connections of the application, or as many as descriptors allow, cost its sidecar at most ${KB_EACH_MAX} KB each`, async context => {
  const { pid, outbound } = mesh.sidecar('shop/caller')
  // A few only: what a load leaves in the heap would be taken for room that the connections don't need.
  await (await callerIn(mesh)).burst({ url: 'http://hello/', count: 100, concurrency: 10 })
  const beforeKb = await restingKb(pid, REST_MS)
  const residentBeforeKb = memoryOf(pid).residentKb

  const holder = startProgram([process.execPath, programPath('holder.ts')], {
    env: { COUNT: String(CONNECTIONS), URL: 'http://hello/', HTTP_PROXY: `http://127.0.0.1:${outbound}` },
  })
  try {
    await holder.line(new RegExp(`^held ${CONNECTIONS}$`), OPENED_MS)
    const afterKb = await restingKb(pid, REST_MS)
    const residentAfterKb = memoryOf(pid).residentKb
    const kbEach = (afterKb - beforeKb) / CONNECTIONS
    figures(context, {
      connections: CONNECTIONS,
      kbEach,
      residentKbEach: (residentAfterKb - residentBeforeKb) / CONNECTIONS,
      beforeMb: beforeKb / 1024,
      afterMb: afterKb / 1024,
    })
    console.log(`${CONNECTIONS} idle connections: ${kbEach.toFixed(2)} KB each`)
    // They are still there: a connection that was closed meanwhile ends the program.
    expect(await Promise.race([holder.exited, Promise.resolve('holds')])).toBe('holds')
    expect(kbEach).toBeLessThanOrEqual(KB_EACH_MAX)
  } finally {
    await holder.end()
  }
})

/** Node raises the soft limit to the hard one. */
function descriptorsMax(): number {
  const hard = /^Max open files +[0-9]+ +([0-9]+) /m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]
  return hard === undefined ? Number.POSITIVE_INFINITY : Number(hard)
}
