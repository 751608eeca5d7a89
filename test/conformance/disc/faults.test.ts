import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { serviceKey, systemClock, systemRandom, workloadKey } from '../../../common/mod.ts'
import { type ControlPlane, startControlPlane } from '../../../control-plane/app.ts'
import { readControlPlaneConfig } from '../../../control-plane/config.ts'
import type { SnapshotUpdate } from '../../../model/snapshot/mod.ts'
import { type StreamSource, streamSource } from '../../../sidecar/discovery/mod.ts'
import { enrolledIdentity } from '../../../sidecar/identity/mod.ts'
import { DiscoveryBench, routeTo, Sink, service } from '../../in-process/discovery.fixture.ts'

const reviews = serviceKey('bookshop', 'reviews')

describe('[DISC-5] a registry that loses its workloads at once', () => {
  let bench: DiscoveryBench
  beforeEach(async () => {
    bench = await DiscoveryBench.start()
  })
  afterEach(() => bench.close())

  function register(count: number) {
    const record = {
      ...{ address: '127.0.0.1', inboundPort: 15_006, labels: { app: 'reviews' }, serviceAccount: 'reviews' },
      ...{ zone: '', ready: true, ports: [{ name: 'http', port: 8080, protocol: 'http' }] },
    }
    const spiffeId = bench.identityOf('reviews').current().spiffeId
    return Array.from({ length: count }, (_, i) => {
      const lease = bench.controlPlane.registry.attach({
        workload: workloadKey('bookshop', `r-${i}`),
        spiffeId,
        registration: record,
      })
      if (!lease.ok) throw new Error(lease.error)
      return lease.value
    })
  }

  async function caller() {
    await bench.apply(service('reviews'))
    const { source, sink } = bench.sidecar('storefront')
    source.want(reviews)
    await expect.poll(() => sink.services()).toEqual([reviews])
    return sink
  }

  it('withdraws none of them, raises an alarm, and goes on with all other changes, until it is released', async () => {
    const sink = await caller()
    const leases = register(12)
    await expect.poll(() => sink.endpoints(reviews).length).toBe(12)
    for (const lease of leases) lease.detach()
    await expect.poll(() => bench.controlPlane.guard.alarms()).toMatchObject([{ reason: 'registry', count: 12 }])
    expect(await bench.wait(await bench.apply(service('reviews', 81)))).toMatchObject({ live: 1, of: 1 })
    expect(sink.service(reviews)?.ports[0]?.port).toBe(81)
    expect(sink.updates.flatMap(update => update.endpoints).at(-1)?.endpoints).toHaveLength(12)
    expect(bench.controlPlane.guard.release()).toBe(true)
    await expect.poll(() => sink.endpoints(reviews)).toEqual([])
  })

  it('makes no fuss about a few, nor about those that said goodbye, nor about a deletion', async () => {
    const sink = await caller()
    const few = register(3)
    await expect.poll(() => sink.endpoints(reviews).length).toBe(3)
    for (const lease of few) lease.detach()
    await expect.poll(() => sink.endpoints(reviews)).toEqual([])
    const leases = register(12)
    await expect.poll(() => sink.endpoints(reviews).length).toBe(12)
    for (const lease of leases) {
      lease.setReady(false)
      lease.detach()
    }
    await expect.poll(() => sink.endpoints(reviews)).toEqual([])
    const revision = await bench.remove(service('reviews'))
    expect(await bench.wait(revision)).toMatchObject({ live: 1, of: 1 })
    expect(sink.absent()).toEqual([reviews])
    expect(bench.controlPlane.guard.alarms()).toEqual([])
  })
})

/** Keeps every revision that it is told. */
class Revisions extends Sink {
  readonly seen: number[] = []
  override apply(update: SnapshotUpdate) {
    this.seen.push(Number(update.revision))
    return super.apply(update)
  }
}

describe('a whole control plane whose store goes back', () => {
  let dataDir: string
  let plane: ControlPlane
  let ports: Readonly<Record<string, string>> = {}
  const closing: (() => Promise<void> | void)[] = []

  beforeEach(async () => {
    dataDir = mkdtempSync(join(tmpdir(), 'selvedge-restored-'))
    ports = {}
    await start()
    const { rest, ...doors } = plane.addresses
    const portOf = (address: string) => address.slice(address.lastIndexOf(':') + 1)
    ports = { enrolment: portOf(doors.enrolment), discovery: portOf(doors.discovery), rest: portOf(rest) }
  })
  afterEach(async () => {
    for (const close of closing.splice(0).toReversed()) await close()
    await plane.close()
    rmSync(dataDir, { recursive: true, force: true })
  })

  async function start(): Promise<void> {
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
    const answer = (await response.json()) as Readonly<Record<string, unknown>>
    if (!response.ok) throw new Error(JSON.stringify(answer))
    return answer
  }

  const apply = async (...resources: object[]) => (await ask('apply', { resources })).revision as number

  async function sidecar(sink: Sink): Promise<StreamSource> {
    const { token } = await ask('tokens', { serviceAccount: 'bookshop/storefront' })
    const { enrolment, discovery } = plane.addresses
    const log = { info: () => {}, warn: () => {} }
    const workload = { namespace: 'bookshop', serviceAccount: 'storefront' }
    const identity = await enrolledIdentity({
      ...{ enrolmentAddress: enrolment, discoveryAddress: discovery, joinToken: String(token), workload },
      ...{ clock: systemClock, random: systemRandom, log },
    })
    if (!identity.ok) throw new Error(identity.error)
    closing.push(() => identity.value.close())
    const source = streamSource({
      ...{ discoveryAddress: discovery, identity: identity.value, workload: workloadKey('bookshop', 'storefront-0') },
      ...{ clock: systemClock, random: systemRandom, log: () => {}, programVersion: 'test' },
      registration: {
        ...{ address: '127.0.0.1', inboundPort: undefined, ports: [], labels: {}, serviceAccount: 'storefront' },
        ...{ zone: '', ready: false },
      },
    })
    closing.push(() => source.close())
    source.start(sink)
    return source
  }

  /** The store alone, as docs/operating.md has it. */
  const copies = () => join(dataDir, 'copy.db')
  async function backUp(): Promise<void> {
    await plane.close()
    copyFileSync(join(dataDir, 'selvedge.db'), copies())
    await start()
  }
  async function restore(): Promise<void> {
    await plane.close()
    for (const name of ['selvedge.db-wal', 'selvedge.db-shm', 'selvedge.mark'])
      rmSync(join(dataDir, name), { force: true })
    copyFileSync(copies(), join(dataDir, 'selvedge.db'))
    await start()
  }

  it('[DATA-4] restored from an older copy, its revisions never go back for a sidecar, which takes what is there now', async () => {
    await apply(service('reviews', 80), service('ratings'))
    await backUp()
    const sink = new Revisions()
    const source = await sidecar(sink)
    source.want(reviews)
    await expect.poll(() => sink.service(reviews)?.ports[0]?.port).toBe(80)
    const newest = await apply(service('reviews', 81), service('only-later'))
    await expect.poll(() => sink.service(reviews)?.ports[0]?.port).toBe(81)
    await restore()
    await expect.poll(() => source.status().state).toBe('open')
    await expect.poll(() => sink.service(reviews)?.ports[0]?.port).toBe(80)
    const next = await apply(service('reviews', 82))
    await expect.poll(() => sink.service(reviews)?.ports[0]?.port).toBe(82)
    expect(next).toBeGreaterThan(newest)
    expect(sink.seen).toEqual(sink.seen.toSorted((a, b) => a - b))
    expect(Number(source.status().revision)).toBe(next)
    expect(await ask(`fleet/wait?revision=${next}`)).toMatchObject({ live: 1, of: 1, nacks: [] })
  })

  it('[DISC-5] reading back without a kind that it had, it pushes nothing and says so, until it is released', async () => {
    await apply(service('reviews'))
    await backUp()
    await apply(routeTo('reviews'))
    const sink = new Sink()
    const source = await sidecar(sink)
    source.want(reviews)
    await expect.poll(() => sink.service(reviews)?.routing.kind).toBe('routes')
    await restore()
    await expect.poll(() => source.status().state).toBe('open')
    expect(await ask('guard')).toMatchObject({
      alarms: [{ reason: 'store', count: 1, message: expect.stringContaining('HTTPRoute') }],
    })
    const metrics = await (await fetch(`http://${plane.addresses.metrics}/metrics`)).text()
    expect(metrics).toContain('selvedge_control_guarded{reason="store"} 1')
    // Even what is written now waits: it would come together with the loss.
    const revision = await apply(service('reviews', 81))
    expect(await ask(`fleet/wait?revision=${revision}&timeoutMs=300`)).toMatchObject({
      live: 0,
      pending: ['bookshop/storefront-0'],
    })
    expect(sink.service(reviews)?.routing.kind).toBe('routes')
    expect(await ask('guard/release', {})).toMatchObject({ released: [{ reason: 'store' }] })
    await expect
      .poll(() => sink.service(reviews))
      .toMatchObject({ routing: { kind: 'none-attached' }, ports: [{ port: 81 }] })
    expect(await ask('guard')).toEqual({ alarms: [] })
    expect((await ask('audit')).items).toContainEqual(expect.objectContaining({ action: 'guard-released' }))
  })

  it('[DISC-5] a kind that somebody deleted just before the end raises no alarm', async () => {
    await apply(service('reviews'), routeTo('reviews'))
    const token = readFileSync(plane.addresses.tokenFile, 'utf8').trim()
    const route = `${plane.addresses.rest}/apis/gateway.networking.k8s.io/v1/namespaces/bookshop/httproutes/canary`
    await new Promise(resolve => setTimeout(resolve, 700))
    const census = readFileSync(join(dataDir, 'census.json'))
    expect(census.toString()).toContain('HTTPRoute')
    const deleted = await fetch(route, { method: 'DELETE', headers: { authorization: `Bearer ${token}` } })
    expect(deleted.status).toBe(200)
    await plane.close()
    // As after a kill: the census is older than the deletion.
    rmSync(join(dataDir, 'census.json'))
    writeFileSync(join(dataDir, 'census.json'), census, { mode: 0o600 })
    await start()
    expect(await ask('guard')).toEqual({ alarms: [] })
  })
})
