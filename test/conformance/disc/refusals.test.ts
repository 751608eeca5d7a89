import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Result, serviceKey, systemClock, systemRandom, workloadKey } from '../../../common/mod.ts'
import type { SnapshotProblem, SnapshotUpdate } from '../../../model/snapshot/mod.ts'
import { streamSource } from '../../../sidecar/discovery/mod.ts'
import { enrolledIdentity } from '../../../sidecar/identity/mod.ts'
import { CurrentPolicy } from '../../../sidecar/policy/mod.ts'
import { routeTo, service } from '../../in-process/discovery.fixture.ts'
import { WholeMesh } from './whole.fixture.ts'

const reviews = serviceKey('bookshop', 'reviews')
const ENTRY = fileURLToPath(new URL('../../../bin/selvedge.js', import.meta.url))

/** A sidecar's own policy, but for one regular expression, which it takes for faulty: as an older one would a newer syntax. */
class OlderPolicy extends CurrentPolicy {
  override apply(update: SnapshotUpdate): Result<void, readonly SnapshotProblem[]> {
    const services = update.services.map(one => {
      if (one.routing.kind === 'none-attached') return one
      const entries = one.routing.entries.map(entry =>
        entry.path.value === '/new.*' ? { ...entry, path: { kind: 'regex' as const, value: '(' } } : entry,
      )
      return { ...one, routing: { ...one.routing, entries } }
    })
    return super.apply({ ...update, services })
  }
}

describe('[DISC-1] [DISC-4] an update that a sidecar refuses', () => {
  let mesh: WholeMesh
  let policy: OlderPolicy

  beforeEach(async () => {
    mesh = new WholeMesh()
    await mesh.start()
    await mesh.apply(service('reviews'), service('ratings'))
    policy = await join()
    policy.lookup(reviews)
    await expect.poll(() => policy.serviceOf(reviews)).toBeDefined()
  })
  afterEach(() => mesh.close())

  async function join(): Promise<OlderPolicy> {
    const { token } = await mesh.ask('tokens', { serviceAccount: 'bookshop/web' })
    const { enrolment, discovery } = mesh.plane.addresses
    const identity = await enrolledIdentity({
      ...{ enrolmentAddress: enrolment, discoveryAddress: discovery, joinToken: String(token) },
      ...{ clock: systemClock, random: systemRandom, log: { info: () => {}, warn: () => {} } },
      workload: { namespace: 'bookshop', serviceAccount: 'web' },
    })
    if (!identity.ok) throw new Error(identity.error)
    mesh.closes(() => identity.value.close())
    const source = streamSource({
      ...{ discoveryAddress: discovery, identity: identity.value, workload: workloadKey('bookshop', 'web-0') },
      ...{ clock: systemClock, random: systemRandom, log: () => {}, programVersion: 'test' },
      registration: {
        ...{ address: '127.0.0.1', inboundPort: undefined, ports: [], labels: {}, serviceAccount: 'web', zone: '' },
        ready: false,
      },
    })
    mesh.closes(() => source.close())
    const joined = new OlderPolicy(systemClock.nowMs)
    joined.follow(source)
    return joined
  }

  /** The command line, as a program of its own. */
  function selvedge(...args: string[]): Promise<{ code: number; out: string; err: string }> {
    const env = { ...process.env, SELVEDGE_SERVER: mesh.plane.addresses.rest, SELVEDGE_TOKEN: mesh.token() }
    return new Promise(resolve => {
      const child = execFile(process.execPath, [ENTRY, ...args], { env }, (error, out, err) => {
        resolve({ code: error === null ? 0 : Number(error.code ?? 1), out, err })
      })
      child.stdin?.end(JSON.stringify(faulty))
    })
  }

  const route = routeTo('ratings')
  const faulty = {
    ...route,
    spec: {
      ...route.spec,
      rules: [
        {
          matches: [{ path: { type: 'RegularExpression', value: '/new.*' } }],
          backendRefs: [{ name: 'ratings', port: 80 }],
        },
      ],
    },
  }
  const ROUTES = 'service/bookshop/reviews: entries[0].path.value'

  it('is refused whole, and apply --wait, proxy status, describe and check name sidecar, resource and field', async () => {
    const applied = await selvedge('apply', '-f', '-', '--wait')
    expect(applied).toMatchObject({ code: 1, err: expect.stringContaining('bookshop/web-0 refused it:') })
    expect(applied.err).toContain(ROUTES)
    // Nothing of it holds: neither the route nor the backend that came with it.
    expect(policy.serviceOf(reviews)?.snapshot.routing.kind).toBe('none-attached')
    expect(policy.size).toBe(1)
    expect(policy.refused).toBe(1)
    const [status, route_, service_, check] = await Promise.all([
      selvedge('proxy', 'status'),
      selvedge('describe', 'httproute', 'canary', '-n', 'bookshop'),
      selvedge('describe', 'service', 'reviews', '-n', 'bookshop'),
      selvedge('check'),
    ])
    for (const { out } of [status, route_, service_, check]) {
      expect(out).toContain('bookshop/web-0 refused revision')
      expect(out).toContain(ROUTES)
    }
    expect(check.code).toBe(1)
    expect((await selvedge('get', 'httproute', 'canary', '-n', 'bookshop')).code).toBe(0)
  })

  it('is forgotten where it is shown once another has taken its place', async () => {
    await mesh.apply(faulty)
    await expect.poll(() => policy.refused).toBe(1)
    const revision = await mesh.apply(route)
    expect(await mesh.ask(`fleet/wait?revision=${revision}`)).toMatchObject({ live: 1, of: 1, nacks: [] })
    const status = await selvedge('proxy', 'status')
    expect(status.out).not.toContain('refused revision')
    expect((await selvedge('guard', 'status')).out).toBe('Nothing is held back.\n')
    expect((await selvedge('guard', 'release')).out).toBe('Nothing was held back.\n')
    expect(status.out).toMatch(/web-0 .* revision \d+, .* ago/)
  })
})
