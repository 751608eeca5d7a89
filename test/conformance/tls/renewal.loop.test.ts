import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Application, httpApplication } from '../../fakes/application.ts'
import { ask } from '../../in-process/client.ts'
import { until } from '../../in-process/mesh.ts'
import { figures, times } from '../../loop/loop.ts'
import { type Fleet, type Joined, startFleet } from '../enrolment/fleet.ts'
import { openLoop } from './open-loop.ts'

// [TLS-13] Certificates that live ten seconds, renewed over mTLS by a real control plane, while requests go on all the time.

const HEAD = 'GET / HTTP/1.1\r\nHost: catalog\r\n\r\n'
/** Certificates count in whole seconds. */
const LEAF_LIFE_MS = times(4_000, 10_000)
const DURATION_MS = times(5_000, 60_000)
const PER_SECOND = times(100, 2_000)
const WARM_UP_MS = 500

let fleet: Fleet
let catalog: Application
let callee: Joined
let web: Joined

beforeAll(async () => {
  fleet = await startFleet({ leafLifeMs: LEAF_LIFE_MS })
  catalog = await httpApplication((_request, response) => {
    response.writeHead(200, { 'content-length': 2 })
    response.end('ok')
  })
  await fleet.apply({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'catalog', namespace: 'shop' },
    spec: { ports: [{ port: 80 }], selector: { app: 'catalog' } },
  })
  callee = await fleet.join('catalog', { port: catalog.port })
  web = await fleet.join('web')
  await until(async () => (await ask(web.outbound, 'http://catalog/')).status === 200)
})
afterAll(async () => {
  await fleet.close()
  await catalog.close()
})

async function issued(): Promise<number> {
  return Number(/selvedge_control_csr_total\{result="issued"\} ([0-9]+)/.exec(await fleet.metrics())?.[1] ?? 0)
}

async function notAfter(of: Joined): Promise<string> {
  return (JSON.parse(await of.page('/identity')) as { readonly notAfter: string }).notAfter
}

test('[TLS-13] renewal under load fails no request', async context => {
  // Callers that are there already, as in life: their first connections are not what is tried here.
  await openLoop(web.outbound, HEAD, PER_SECOND / 10, WARM_UP_MS)
  const before = await issued()
  const firstEnds = [await notAfter(web), await notAfter(callee)]
  const { sent, failed, failures, late } = await openLoop(web.outbound, HEAD, PER_SECOND, DURATION_MS)
  const renewals = (await issued()) - before
  figures(context, { requests: sent, perSecond: PER_SECOND, failed, late, renewals, leafLifeMs: LEAF_LIFE_MS })
  expect({ failed, failures: Object.fromEntries(failures) }).toEqual({ failed: 0, failures: {} })
  expect(sent).toBe((PER_SECOND * DURATION_MS) / 1_000)
  // Both sidecars, each at about half of each life.
  expect(renewals).toBeGreaterThanOrEqual(2 * Math.floor(DURATION_MS / (LEAF_LIFE_MS * 0.6)))
  // The certificates of the beginning have ended long since.
  for (const end of firstEnds) expect(Date.parse(end)).toBeLessThan(Date.now())
  expect(catalog.seen).toBeGreaterThanOrEqual(sent)
})
