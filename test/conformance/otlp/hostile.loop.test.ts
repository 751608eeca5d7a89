import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { quickApplication } from '../../fakes/application.ts'
import { sendMany } from '../../in-process/load.ts'
import { type Mesh, type SidecarUnderTest, startMesh } from '../../in-process/mesh.ts'
import { meshPolicy, type Resource, service, workload } from '../../in-process/resources.ts'
import { figures, times } from '../../loop/loop.ts'
import { type OtlpReceiver, startReceiver } from './receiver.ts'

const MB = 1024 * 1024
const GET = 'GET /load HTTP/1.1\r\nHost: shop\r\n\r\n'
/** Two spans each: more than the queue of a sidecar holds. */
const REQUESTS = times(1_200, 20_000)
/** What the sidecars of this process may hold, all together, for collectors that take nothing: each 2,048 spans and a batch. */
const GROWTH_BYTES_MAX = 192 * MB

/** By what is wrong with it: what the log says of it, and what becomes of most spans. */
const HOSTILE: readonly (readonly [what: string, dropped: 'queue-full' | 'refused', told: RegExp])[] = [
  ['http: refuses connections', 'queue-full', /ECONNREFUSED/],
  ['http: never answers', 'queue-full', /timed out|no whole answer/],
  ['http: answers drop by drop', 'queue-full', /no whole answer within 10 s/],
  ['http: is overloaded', 'queue-full', /retryable status/],
  ['http: wants a token', 'refused', /refused them \(401 Unauthorized\)/],
  ['http: sends away', 'refused', /refused them \(307/],
  ['http: answers 100 MB', 'refused', /its answer has no end/],
  ['http: speaks something else', 'queue-full', /Parse Error/],
  ['http: breaks off', 'queue-full', /ECONNRESET|hang up/],
  ['grpc: never answers', 'queue-full', /DEADLINE_EXCEEDED|Deadline/i],
  ['grpc: is unavailable', 'queue-full', /busy/],
  ['grpc: forbids', 'refused', /refused them \(.*who are you\?/],
  ['grpc: answers 100 MB in one message', 'refused', /larger than max/],
  ['grpc: speaks HTTP/1.1', 'queue-full', /Cannot export spans/],
]

let mesh: Mesh
let shop: readonly Resource[]
let receiver: OtlpReceiver
let collectors: ChildProcess
/** By what is wrong with its collector. All run at once: what a bad one does takes seconds, and costs none. */
const sidecars = new Map<string, SidecarUnderTest>()

beforeAll(async () => {
  mesh = startMesh()
  receiver = await mesh.with(startReceiver())
  const application = await mesh.with(quickApplication('ok'))
  shop = [workload('shop', { labels: { app: 'shop' }, port: application.port }), service('shop', { app: 'shop' })]
  const program = fileURLToPath(new URL('hostile-collectors.ts', import.meta.url))
  collectors = spawn(process.execPath, [program], { stdio: ['pipe', 'pipe', 'inherit'] })
  if (collectors.stdout === null) throw new Error('The collectors have no output')
  const [line] = await once(createInterface(collectors.stdout), 'line')
  for (const [what, url] of Object.entries(JSON.parse(String(line)) as Record<string, string>)) {
    sidecars.set(what, await mesh.sidecar(`bad-${sidecars.size}`, { resources: [...shop, exportTo(url)] }))
  }
})
afterAll(async () => {
  collectors?.kill()
  await mesh?.close()
})

function exportTo(endpoint: string): Resource {
  return meshPolicy({ tracing: { sampling: 100, otlp: { endpoint } } })
}

function sidecarOf(what: string): SidecarUnderTest {
  const found = sidecars.get(what)
  if (found === undefined) throw new Error(`There is no collector that ${what}`)
  return found
}

describe('a collector of the worst kind', () => {
  let before = 0
  const begunMs = performance.now()

  test.each(HOSTILE)('%s: no request fails or waits for it', async what => {
    before ||= process.memoryUsage().rss
    const { outbound } = sidecarOf(what)
    const load = await sendMany(outbound, GET, REQUESTS, 4)
    expect([...load.statuses]).toEqual([[200, REQUESTS]])
  })

  test.each(HOSTILE)('%s: spans are lost, counted, and told of once', async (what, dropped, told) => {
    const web = sidecarOf(what)
    await eventually(async () => (await spans(web, dropped)) > 0)
    await eventually(async () => complaints(web).some(text => told.test(text)))
    // At once, and then once a minute, however slow this machine is.
    const minutes = Math.floor((performance.now() - begunMs) / 60_000)
    expect(complaints(web).length).toBeGreaterThanOrEqual(1)
    expect(complaints(web).length).toBeLessThanOrEqual(1 + minutes)
    expect(complaints(web)[0]).toMatch(/see that an OpenTelemetry collector listens|See that it receives OTLP traces/)
    expect(await spans(web, 'exported')).toBe(0)
  })

  test('costs bounded memory', context => {
    const grown = process.memoryUsage().rss - before
    figures(context, { collectors: HOSTILE.length, requestsEach: REQUESTS, growthMb: Math.round(grown / MB) })
    expect(grown).toBeLessThan(GROWTH_BYTES_MAX)
  })

  test('is replaced by a good one without a restart, and what waited arrives', async () => {
    const web = sidecarOf('http: refuses connections')
    await web.edit(...shop, exportTo(receiver.grpc))
    await eventually(async () => (await spans(web, 'exported')) >= 2_048)
    expect((await receiver.spans()).length).toBeGreaterThanOrEqual(2_048)
  })
})

/** A number of the metrics: spans dropped for a reason, or exported. */
async function spans(web: SidecarUnderTest, reason: string): Promise<number> {
  const name =
    reason === 'exported' ? 'selvedge_spans_exported_total' : `selvedge_spans_dropped_total{reason="${reason}"}`
  const line = (await web.page('/metrics')).split('\n').find(text => text.startsWith(`${name} `)) ?? ''
  return Number(line.slice(name.length + 1))
}

/** What was said of the export's trouble. */
function complaints(web: SidecarUnderTest): readonly string[] {
  return web
    .log()
    .map(({ msg }) => String(msg))
    .filter(text => text.startsWith('Cannot export'))
}

/** Longer than `until` waits: an export may take ten seconds to fail. */
async function eventually(holds: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + 15_000
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`Never came true: ${holds.toString()}`)
    await pause(50)
  }
}
