import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ok, type ServiceKey, serviceKey, systemClock, systemRandom, workloadKey } from '../../common/mod.ts'
import { type ControlPlane, startControlPlane } from '../../control-plane/app.ts'
import { readControlPlaneConfig } from '../../control-plane/config.ts'
import type { SnapshotUpdate } from '../../model/snapshot/mod.ts'
import { streamSource } from '../../sidecar/discovery/mod.ts'
import { enrolledIdentity } from '../../sidecar/identity/mod.ts'

const reviews = serviceKey('bookshop', 'reviews')
const resources = ['reviews', 'ratings'].map(name => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace: 'bookshop' },
  spec: { ports: [{ port: 80 }], selector: { app: name } },
}))

/** What a sidecar has been told, by service: the workloads that are offered. */
class Told {
  readonly offers: { readonly atMs: number; readonly workloads: readonly string[] }[] = []
  apply(update: SnapshotUpdate) {
    for (const { service, endpoints } of update.endpoints) {
      if (service !== reviews) continue
      this.offers.push({ atMs: performance.now(), workloads: endpoints.map(endpoint => endpoint.workload) })
    }
    return ok(undefined)
  }
  latest(): readonly string[] | undefined {
    return this.offers.at(-1)?.workloads
  }
}

describe('the whole control plane, with sidecars', () => {
  let dataDir: string
  let plane: ControlPlane
  const closing: (() => Promise<void> | void)[] = []

  async function start(ports: Readonly<Record<string, string>>): Promise<void> {
    const flags = ['rest', 'enrolment', 'discovery', 'metrics'].map(name => `--${name}-port=${ports[name] ?? 0}`)
    const config = readControlPlaneConfig([`--data-dir=${dataDir}`, '--log-level=silent', ...flags], {})
    if (!config.ok) throw new Error(config.error.join(' '))
    const started = await startControlPlane(config.value, '0.0.0-test')
    if (!started.ok) throw new Error(started.error)
    plane = started.value
  }

  async function ask(path: string, body?: object): Promise<Readonly<Record<string, unknown>>> {
    const token = readFileSync(plane.addresses.tokenFile, 'utf8').trim()
    const response = await fetch(`${plane.addresses.rest}/apis/selvedge.dev/v1/${path}`, {
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
    })
    return (await response.json()) as Readonly<Record<string, unknown>>
  }

  async function sidecar(name: string, wants: readonly ServiceKey[] = []) {
    const { token } = await ask('tokens', { serviceAccount: `bookshop/${name}` })
    const identity = await enrolledIdentity({
      enrolmentAddress: plane.addresses.enrolment,
      discoveryAddress: plane.addresses.discovery,
      joinToken: String(token),
      workload: { namespace: 'bookshop', serviceAccount: name },
      clock: systemClock,
      random: systemRandom,
      log: { info: () => {}, warn: () => {} },
    })
    if (!identity.ok) throw new Error(identity.error)
    const told = new Told()
    const source = streamSource({
      discoveryAddress: plane.addresses.discovery,
      identity: identity.value,
      workload: workloadKey('bookshop', `${name}-1`),
      registration: {
        address: '127.0.0.1',
        inboundPort: 15_006,
        ports: [{ name: 'http', port: 8080, protocol: 'http' }],
        labels: { app: name },
        serviceAccount: name,
        zone: '',
        ready: true,
      },
      programVersion: 'test',
      clock: systemClock,
      random: systemRandom,
      log: () => {},
    })
    source.start(told)
    for (const service of wants) source.want(service)
    closing.push(
      () => source.close(),
      () => identity.value.close(),
    )
    return { source, told }
  }

  beforeEach(async () => {
    dataDir = mkdtempSync(join(tmpdir(), 'selvedge-leases-'))
    await start({})
    await ask('apply', { resources })
  })
  afterEach(async () => {
    for (const close of closing.splice(0)) await close()
    await plane.close()
    rmSync(dataDir, { recursive: true })
  })

  it('offers a workload while it is ready, and withdraws it when its stream has stayed away', async () => {
    const caller = await sidecar('ratings', [reviews])
    const callee = await sidecar('reviews')
    await expect.poll(() => caller.told.latest()).toEqual(['bookshop/reviews-1'])
    callee.source.setReady(false)
    await expect.poll(() => caller.told.latest()).toEqual([])
    const { items } = (await ask('workloads')) as { items: { metadata: { name: string }; status: object }[] }
    expect(items.map(({ metadata, status }) => [metadata.name, status])).toEqual([
      ['ratings-1', { ready: true }],
      ['reviews-1', { ready: false }],
    ])
    expect(await ask('namespaces/bookshop/workloads/reviews-1')).toMatchObject({ spec: { serviceAccount: 'reviews' } })
    expect(await ask('namespaces/other/workloads')).toMatchObject({ items: [] })
    callee.source.setReady(true)
    await expect.poll(() => caller.told.latest()).toEqual(['bookshop/reviews-1'])

    const goneMs = performance.now()
    await callee.source.close()
    await expect.poll(() => caller.told.latest(), { timeout: 3_000 }).toEqual([])
    const afterMs = (caller.told.offers.at(-1)?.atMs ?? 0) - goneMs
    expect(afterMs).toBeGreaterThan(1_400)
    expect(afterMs).toBeLessThan(2_000)
  })

  it('withdraws nothing because it is restarted itself', async () => {
    const caller = await sidecar('ratings', [reviews])
    await sidecar('reviews')
    await expect.poll(() => caller.told.latest()).toEqual(['bookshop/reviews-1'])
    const offers = caller.told.offers.length
    const { rest, enrolment, discovery, metrics } = plane.addresses
    const port = (address: string) => address.slice(address.lastIndexOf(':') + 1)
    await plane.close()
    await new Promise(resolve => setTimeout(resolve, 1_700))
    await start({ rest: port(rest), enrolment: port(enrolment), discovery: port(discovery), metrics: port(metrics) })
    const restartedMs = performance.now()
    const connected = async () => {
      const { sidecars } = (await ask('fleet')) as { sidecars: { connected: boolean }[] }
      return sidecars.filter(one => one.connected).length
    }
    await expect.poll(connected, { timeout: 4_000 }).toBe(2)
    expect(performance.now() - restartedMs).toBeLessThan(2_000)
    // Their grace was for the stream that was lost, and they are back: nothing is withdrawn later either.
    await new Promise(resolve => setTimeout(resolve, 1_700))
    expect(caller.told.offers.slice(offers).every(({ workloads }) => workloads.length === 1)).toBe(true)
    expect(caller.told.latest()).toEqual(['bookshop/reviews-1'])
  })

  it('tells when a change has arrived at all whom it concerns', async () => {
    const caller = await sidecar('ratings', [reviews])
    await expect.poll(() => caller.told.latest()).toEqual([])
    const moved = structuredClone(resources)
    const [first] = moved
    if (first?.spec.ports[0] !== undefined) first.spec.ports[0].port = 8080
    const { revision } = await ask('apply', { resources: moved })
    expect(await ask(`fleet/wait?revision=${revision}&timeoutMs=3000`)).toMatchObject({
      live: 1,
      of: 1,
      pending: [],
      nacks: [],
    })
    const metrics = await (await fetch(`http://${plane.addresses.metrics}/metrics`)).text()
    expect(metrics).toContain('selvedge_control_sidecars_connected 1')
    expect(metrics).toContain('selvedge_control_csr_total{result="issued"} 1')
    expect(metrics).toMatch(/selvedge_control_pushes_total\{result="acknowledged"\} [1-9]/)
  })
})
