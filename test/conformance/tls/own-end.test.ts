import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Application, echoApplication } from '../../fakes/application.ts'
import { ask } from '../../in-process/client.ts'
import { until } from '../../in-process/mesh.ts'
import { type Fleet, type Joined, startFleet } from '../enrolment/fleet.ts'

// [FAULT-2] A control plane that stays away until certificates end. What is then closed was never open to anybody else.

/** Certificates count in whole seconds. */
const LEAF_LIFE_MS = 4_000

let fleet: Fleet
let catalog: Application
let web: Joined
let callee: Joined

beforeAll(async () => {
  fleet = await startFleet({ leafLifeMs: LEAF_LIFE_MS })
  catalog = await echoApplication('catalog')
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

interface IdentityView {
  readonly notAfter: string
  readonly renewal: { readonly state: string; readonly why?: string; readonly next: string; readonly since?: string }
}

async function identity(of: Joined): Promise<IdentityView> {
  return JSON.parse(await of.page('/identity')) as IdentityView
}

test('[FAULT-2] cut off: renewal says that it fails, why, and when it is tried again; at the end all is closed, nothing open', async () => {
  expect((await identity(web)).renewal).toMatchObject({ state: 'waiting', next: expect.any(String) })
  await fleet.plane.close()
  for (const each of [web, callee]) await until(async () => (await identity(each)).renewal.state === 'failing')
  const { renewal, notAfter } = await identity(web)
  expect(renewal.why).toContain('Cannot reach the control plane')
  expect(Date.parse(renewal.next)).toBeGreaterThan(Date.parse(renewal.since ?? ''))
  // It began in time: with the certificate still good, traffic goes on.
  expect(Date.parse(renewal.since ?? '')).toBeLessThan(Date.parse(notAfter))
  if (Date.parse(notAfter) - Date.now() > 500) expect((await ask(web.outbound, 'http://catalog/')).status).toBe(200)
  const ends = [notAfter, (await identity(callee)).notAfter].map(Date.parse)
  await until(() => Date.now() > Math.max(...ends) + 300)

  const seen = catalog.seen
  const answer = await ask(web.outbound, 'http://catalog/', { method: 'POST', body: 'secret' })
  expect(answer).toMatchObject({ status: 503, headers: { 'x-selvedge-cause': 'connect-failed' } })
  expect(catalog.seen).toBe(seen)
  // Nobody is let in without a certificate for it either.
  await expect(ask(callee.inbound, '/')).rejects.toThrow()
  expect(catalog.seen).toBe(seen)
  const expiry = /selvedge_certificate_expiry_timestamp_seconds ([0-9.e+]+)/.exec(await web.page('/metrics'))?.[1]
  expect(Number(expiry) * 1_000).toBe(Date.parse(notAfter))
})
