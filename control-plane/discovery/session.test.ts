import { describe, expect, it } from 'vitest'
import { type ServiceKey, serviceKey, workloadKey } from '../../common/mod.ts'
import type { EndpointsSnapshot, ServiceSnapshot, SnapshotProblem } from '../../model/snapshot/mod.ts'
import {
  ABSENT,
  contentVersion,
  endpointsResource,
  type HeldVersions,
  type Resource,
  type Snapshots,
  serviceResource,
} from '../snapshots/mod.ts'
import type { OutgoingUpdate } from './messages.ts'
import { createSession } from './session.ts'

const [a, b, c] = ['a', 'b', 'c'].map(name => serviceKey('ns', name)) as [ServiceKey, ServiceKey, ServiceKey]

const traffic = {
  policy: undefined,
  breaker: { connectionsMax: 1, pendingMax: 1, requestsMax: 1 },
  outlier: { consecutiveErrors: 0, baseEjectionMs: 0, ejectedPercentMax: 0, healthyPercentMin: 0 },
  retryBudget: { percent: 0, minPerSecond: 0, windowMs: 0 },
  connectTimeoutMs: 1,
  keepsNameCase: false,
  upgrades: undefined,
}

/** A mesh that is two numbers for each Service: which rules, and which instances. A route of one Service may pull in another. */
class Mesh {
  revision = 1
  readonly rules = new Map<ServiceKey, string>()
  readonly instances = new Map<ServiceKey, string>()
  readonly backends = new Map<ServiceKey, ServiceKey>()

  set(key: ServiceKey, rules: string, instances = '1'): void {
    this.revision++
    this.rules.set(key, rules)
    this.instances.set(key, instances)
  }
  resourcesFor(wanted: Iterable<ServiceKey>) {
    const resources = new Map()
    for (const key of new Set([...wanted].flatMap(one => [one, this.backends.get(one) ?? one]))) {
      const rules = this.rules.get(key)
      resources.set(serviceResource(key), rules === undefined ? absent(key) : service(key, rules))
      if (rules !== undefined) resources.set(endpointsResource(key), endpoints(key, this.instances.get(key) ?? ''))
    }
    return { revision: this.revision, resources }
  }
}

function absent(key: ServiceKey): Resource {
  return { kind: 'absent', version: ABSENT, service: key }
}
function service(key: ServiceKey, rules: string): Resource {
  const content: ServiceSnapshot = { key, ports: [], routing: { kind: 'none-attached' }, traffic }
  return { kind: 'service', version: contentVersion(`rules ${key} ${rules}`), content }
}
function endpoints(key: ServiceKey, instances: string): Resource {
  const content: EndpointsSnapshot = { service: key, endpoints: [] }
  return { kind: 'endpoints', version: contentVersion(`instances ${key} ${instances}`), content }
}

interface Begin {
  readonly subscriptions?: readonly ServiceKey[]
  readonly held?: HeldVersions
  readonly changeSince?: Snapshots['changeSince']
  readonly frozen?: () => boolean
}

function sessionOn(
  mesh: Mesh,
  { subscriptions = [], held = new Map(), changeSince, frozen = () => false }: Begin = {},
) {
  const sent: OutgoingUpdate[] = []
  const fleet: string[] = []
  const session = createSession({
    ...{ held, subscriptions, resourcesFor: wanted => mesh.resourcesFor(wanted), send: update => sent.push(update) },
    ...{ changeSince, frozen },
    fleet: {
      unchanged: revision => fleet.push(`unchanged ${revision}`),
      sent: revision => fleet.push(`sent ${revision}`),
      acknowledged: whole => fleet.push(whole ? 'acknowledged' : 'acknowledged in part'),
      refused: problems => fleet.push(`refused ${problems.map(problem => problem.resource).join()}`),
      abandoned: () => fleet.push('abandoned'),
    },
  })
  session.start()
  const last = () => [...(sent.at(-1)?.resources.keys() ?? [])]
  const ack = () => session.ack(sent.at(-1)?.nonce ?? '')
  const lost = (...resources: string[]) =>
    session.nack(sent.at(-1)?.nonce ?? '', [], resources as ReturnType<typeof serviceResource>[])
  const nack = (...resources: string[]) => {
    const problems: SnapshotProblem[] = resources.map(resource => ({ resource, field: '', message: 'no' }))
    session.nack(sent.at(-1)?.nonce ?? '', problems)
  }
  return { session, sent, fleet, last, ack, nack, lost }
}

/** What a sidecar holds that has acknowledged everything. */
function heldOf(mesh: Mesh, ...keys: ServiceKey[]) {
  return new Map([...mesh.resourcesFor(keys).resources].map(([name, resource]) => [name, resource.version]))
}

describe('a session', () => {
  it('answers a Hello at once with what differs', () => {
    const mesh = new Mesh()
    mesh.set(a, '1')
    const { last, fleet } = sessionOn(mesh, { subscriptions: [a] })
    expect(last()).toEqual(['service/ns/a', 'endpoints/ns/a'])
    expect(fleet).toEqual(['sent 2'])
  })

  it('answers a Hello with an empty update when nothing differs', () => {
    const mesh = new Mesh()
    mesh.set(a, '1')
    const { sent, last, fleet } = sessionOn(mesh, { subscriptions: [a, b], held: heldOf(mesh, a, b) })
    expect(sent.length).toBe(1)
    expect(last()).toEqual([])
    expect(fleet).toEqual(['unchanged 2'])
  })

  it('sends only what changed since the last acknowledgement', () => {
    const mesh = new Mesh()
    mesh.set(a, '1')
    mesh.set(b, '1')
    const { session, sent, last, ack } = sessionOn(mesh, { subscriptions: [a, b] })
    ack()
    mesh.set(b, '1', '2')
    session.changed()
    expect(last()).toEqual(['endpoints/ns/b'])
    ack()
    session.changed()
    expect(sent.length).toBe(2)
  })

  it('[DISC-7] has one update unanswered at most, and sends the latest after it', () => {
    const mesh = new Mesh()
    mesh.set(a, '1')
    const { session, sent, last, ack } = sessionOn(mesh, { subscriptions: [a] })
    for (const rules of ['2', '3', '4']) {
      mesh.set(a, rules)
      session.changed()
    }
    expect(sent.length).toBe(1)
    ack()
    expect(sent.length).toBe(2)
    expect(sent[1]?.revision).toBe(5)
    expect(last()).toEqual(['service/ns/a'])
  })

  it('[DISC-2] ignores a stale nonce', () => {
    const mesh = new Mesh()
    mesh.set(a, '1')
    const { session, sent, fleet } = sessionOn(mesh, { subscriptions: [a] })
    session.ack('0')
    session.nack('7', [])
    expect(fleet).toEqual(['sent 2'])
    session.ack('1')
    session.ack('1')
    expect(fleet).toEqual(['sent 2', 'acknowledged'])
    expect(sent.length).toBe(1)
  })

  it('answers a first use with rules, instances and backends', () => {
    const mesh = new Mesh()
    mesh.set(a, '1')
    mesh.set(b, '1')
    mesh.backends.set(a, b)
    const { session, ack, last } = sessionOn(mesh)
    ack()
    session.subscribe([a], [])
    expect(last().sort()).toEqual(['endpoints/ns/a', 'endpoints/ns/b', 'service/ns/a', 'service/ns/b'])
    expect(session.subscriptions()).toEqual([a])
  })

  it('says that a Service does not exist, keeps the subscription, and pushes it once it does', () => {
    const mesh = new Mesh()
    const { session, sent, ack, last } = sessionOn(mesh)
    ack()
    session.subscribe([c], [])
    expect([...(sent.at(-1)?.resources.values() ?? [])]).toEqual([absent(c)])
    ack()
    mesh.set(c, '1')
    session.changed()
    expect(last()).toEqual(['service/ns/c', 'endpoints/ns/c'])
  })

  it('looks at a first use alone, and at all that is held once the mesh has changed', () => {
    const mesh = new Mesh()
    mesh.set(a, '1')
    mesh.set(b, '1')
    const { session, ack, last } = sessionOn(mesh, { subscriptions: [a] })
    ack()
    const looked: ServiceKey[][] = []
    const resourcesFor = mesh.resourcesFor.bind(mesh)
    mesh.resourcesFor = wanted => resourcesFor(looked[looked.push([...wanted]) - 1] ?? [])
    session.subscribe([b], [])
    expect(looked).toEqual([[b]])
    ack()
    mesh.set(a, '2')
    session.subscribe([c], [])
    expect(last().sort()).toEqual(['service/ns/a', 'service/ns/c'])
    ack()
    expect(looked.at(-1)?.sort()).toEqual([a, b, c])
  })

  it('tells a sidecar that asks again, even what it should know', () => {
    const mesh = new Mesh()
    const { session, ack, last } = sessionOn(mesh, { subscriptions: [c] })
    ack()
    session.subscribe([c], [])
    expect(last()).toEqual(['service/ns/c'])
  })

  it('keeps a backend up to date after the route has left it', () => {
    const mesh = new Mesh()
    mesh.set(a, '1')
    mesh.set(b, '1')
    mesh.backends.set(a, b)
    const { session, ack, last } = sessionOn(mesh, { subscriptions: [a] })
    ack()
    mesh.backends.clear()
    mesh.set(b, '2')
    session.changed()
    expect(last()).toEqual(['service/ns/b'])
  })

  it('forgets what is given up', () => {
    const mesh = new Mesh()
    mesh.set(a, '1')
    const { session, sent, ack } = sessionOn(mesh, { subscriptions: [a] })
    ack()
    session.subscribe([], [a])
    mesh.set(a, '2')
    session.changed()
    expect(sent.length).toBe(1)
  })

  it('[DISC-5] sends nothing while the mesh is frozen, and what is due after it', () => {
    const mesh = new Mesh()
    let frozen = true
    const { session, sent, last } = sessionOn(mesh, { held: heldOf(mesh, a), frozen: () => frozen })
    mesh.set(a, '1')
    session.changed()
    session.subscribe([a], [])
    expect(sent).toEqual([])
    frozen = false
    session.changed()
    expect(sent.length).toBe(1)
    expect(last()).toEqual(['service/ns/a', 'endpoints/ns/a'])
  })

  it('sends again what was given up and is a backend still', () => {
    const mesh = new Mesh()
    mesh.set(a, '1')
    mesh.set(b, '1')
    mesh.backends.set(a, b)
    const { session, ack, last } = sessionOn(mesh, { subscriptions: [a] })
    ack()
    session.subscribe([], [b])
    expect(last()).toEqual(['service/ns/b', 'endpoints/ns/b'])
  })

  describe('with a sidecar that takes changes', () => {
    const change = { base: contentVersion('base'), put: [], removed: [workloadKey('ns', 'a-7')] }

    function changing() {
      const mesh = new Mesh()
      mesh.set(a, '1')
      const made = sessionOn(mesh, { subscriptions: [a], changeSince: () => change })
      const first = made.sent[0]?.changes.size
      made.ack()
      mesh.set(a, '1', '2')
      made.session.changed()
      return { ...made, mesh, first }
    }

    it('sends a list whole at first, and its changes after that', () => {
      const { sent, first } = changing()
      expect(first).toBe(0)
      expect([...(sent.at(-1)?.changes ?? [])]).toEqual([['endpoints/ns/a', change]])
    })

    it('sends it whole when the base turns out to be lost, and counts no refusal', () => {
      const { sent, last, lost, ack, fleet } = changing()
      lost('endpoints/ns/a')
      expect(last()).toEqual(['endpoints/ns/a'])
      expect(sent.at(-1)?.changes.size).toBe(0)
      ack()
      expect(fleet.slice(-4)).toEqual(['sent 3', 'abandoned', 'sent 3', 'acknowledged'])
    })

    it('takes the loss of what it has just sent whole for a refusal, and does not go round in circles', () => {
      const { sent, lost, fleet } = changing()
      lost('endpoints/ns/a')
      const before = sent.length
      lost('endpoints/ns/a')
      expect(sent.length).toBe(before)
      expect(fleet.at(-2)).toBe('refused ')
    })

    it('finds what a sidecar forgot while an update that builds on it was on its way', () => {
      const { session, sent, lost, last } = changing()
      session.subscribe([], [a])
      lost('endpoints/ns/a')
      expect(sent.length).toBe(3)
      expect(last()).toEqual([])
    })
  })

  it('refuses more subscriptions than one sidecar may have', () => {
    const { session } = sessionOn(new Mesh())
    const names = (from: number, count: number) =>
      Array.from({ length: count }, (_, i) => serviceKey('ns', `s${from + i}`))
    expect(session.subscribe(names(0, 10_000), []).ok).toBe(true)
    expect(session.subscribe(names(10_000, 1), []).ok).toBe(false)
  })

  describe('after a refusal', () => {
    function refused() {
      const mesh = new Mesh()
      mesh.set(a, '1')
      mesh.set(b, '1')
      const made = sessionOn(mesh, { subscriptions: [a, b] })
      made.ack()
      mesh.set(a, 'bad', '2')
      mesh.set(b, '2')
      made.session.changed()
      made.nack('service/ns/a')
      return { mesh, ...made }
    }

    it('holds back all rules of that update, and sends the instances without them', () => {
      const { last, ack, fleet } = refused()
      expect(last()).toEqual(['endpoints/ns/a'])
      ack()
      expect(fleet.slice(-3)).toEqual(['refused service/ns/a', 'sent 5', 'acknowledged in part'])
    })

    it('does not push the same content again', () => {
      const { mesh, session, sent, ack } = refused()
      ack()
      const before = sent.length
      session.changed()
      mesh.revision++
      session.changed()
      expect(sent.length).toBe(before)
    })

    it('tries all that was held back again once any of it changes', () => {
      const { mesh, session, last, ack, fleet } = refused()
      ack()
      mesh.set(a, 'good', '2')
      session.changed()
      expect(last()).toEqual(['service/ns/a', 'service/ns/b'])
      ack()
      expect(fleet.at(-1)).toBe('acknowledged')
    })

    it('has nothing to send when the change is taken back', () => {
      const { mesh, session, last, ack, sent } = refused()
      ack()
      mesh.set(a, '1', '2')
      mesh.set(b, '1')
      const before = sent.length
      session.changed()
      expect(sent.length).toBe(before)
      expect(last()).toEqual(['endpoints/ns/a'])
    })

    it('holds back the instances too when they are to blame, or nothing is', () => {
      const { nack, sent } = refused()
      nack('endpoints/ns/a')
      const before = sent.length
      expect(before).toBe(3)
      nack()
      expect(sent.length).toBe(before)
    })

    it('keeps back the instances of a Service whose rules never arrived', () => {
      const mesh = new Mesh()
      mesh.set(a, 'bad')
      const { nack, sent } = sessionOn(mesh, { subscriptions: [a] })
      nack('service/ns/a')
      expect(sent.length).toBe(1)
    })
  })
})
