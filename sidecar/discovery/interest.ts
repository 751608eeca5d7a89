import type { ServiceKey } from '../../common/mod.ts'
import type { EndpointsSnapshot, SelfSnapshot, ServiceSnapshot } from '../../model/snapshot/mod.ts'
import type { VersionedUpdate } from './messages.ts'

/** The most that a control plane takes of one sidecar. */
const SUBSCRIPTIONS_MAX = 10_000
/** What stands for "does not exist" where a version is expected. */
const ABSENT = '-'

/** One resource that this sidecar holds. `content` is `undefined` where it is known not to exist. */
export interface HeldResource {
  readonly version: string
  readonly content: SelfSnapshot | ServiceSnapshot | EndpointsSnapshot | undefined
}

/** What this sidecar uses, and what it holds of it. */
export interface Interest {
  /**
   * A request wants `service`. `new`: it has to be asked for, and `dropped` given up for it; `absent`: it is known not to exist;
   * `known`: it is held, or asked for already; `full`: too much is in use to take more.
   */
  want(service: ServiceKey): Wish
  /** An update has been applied. */
  applied(update: VersionedUpdate): void
  /** What a former life used and held. Nothing has happened before. */
  restore(subscriptions: readonly ServiceKey[], update: VersionedUpdate): void
  /** Nothing is held after all; what is subscribed to stays. Returns the names of what was. */
  holdNothing(): readonly string[]
  /** These are not held any more: nobody uses them. */
  forget(services: Iterable<ServiceKey>): void
  /** Gives up what does not exist and was wanted last before `beforeMs`; returns it. */
  forgetAbsent(beforeMs: number): readonly ServiceKey[]
  /** Whether it was held once and then forgotten: the control plane may not know that yet. */
  wasForgotten(service: ServiceKey): boolean
  subscriptions(): readonly ServiceKey[]
  /** By the names of resources. */
  held(): ReadonlyMap<string, HeldResource>
}

export type Wish =
  | { readonly kind: 'new'; readonly dropped: ServiceKey | undefined }
  | { readonly kind: 'absent' | 'known' | 'full' }

export interface InterestOptions {
  /** Monotonic. */
  readonly nowMs: () => number
  /** @default 10,000 */
  readonly subscriptionsMax?: number
}

export function createInterest({ nowMs, subscriptionsMax = SUBSCRIPTIONS_MAX }: InterestOptions): Interest {
  /** In the order in which they were wanted first. */
  const subscriptions = new Set<ServiceKey>()
  const held = new Map<string, HeldResource>()
  /** Subscriptions to what doesn't exist, and when each was wanted last: a client may make up names without end, so the oldest give way. */
  const absent = new Map<ServiceKey, number>()
  /** Bounded by what was held. */
  const forgotten = new Set<ServiceKey>()

  function drop(service: ServiceKey): void {
    subscriptions.delete(service)
    absent.delete(service)
    held.delete(`service/${service}`)
    held.delete(`endpoints/${service}`)
  }

  function hold(
    name: string,
    content: NonNullable<HeldResource['content']>,
    versions: VersionedUpdate['versions'],
  ): void {
    held.set(name, { version: versions.get(name) ?? '', content })
  }

  function applied({ update, versions }: VersionedUpdate): void {
    if (update.self !== undefined) hold('self', update.self, versions)
    for (const service of update.services) {
      hold(`service/${service.key}`, service, versions)
      absent.delete(service.key)
      forgotten.delete(service.key)
    }
    for (const endpoints of update.endpoints) hold(`endpoints/${endpoints.service}`, endpoints, versions)
    for (const key of update.absent) {
      held.delete(`endpoints/${key}`)
      // Nobody here asked for it: it was a backend once, and is forgotten.
      if (!subscriptions.has(key)) held.delete(`service/${key}`)
      else {
        held.set(`service/${key}`, { version: ABSENT, content: undefined })
        absent.set(key, nowMs())
      }
    }
  }

  return {
    want(service) {
      if (absent.has(service)) {
        absent.set(service, nowMs())
        return { kind: 'absent' }
      }
      // What came along as another's backend is held, and kept up to date, without a subscription.
      if (subscriptions.has(service) || held.has(`service/${service}`)) return { kind: 'known' }
      let dropped: ServiceKey | undefined
      if (subscriptions.size >= subscriptionsMax) {
        dropped = absent.keys().next().value
        if (dropped === undefined) return { kind: 'full' }
        drop(dropped)
      }
      subscriptions.add(service)
      return { kind: 'new', dropped }
    },
    applied,
    restore(wanted, update) {
      for (const service of wanted.slice(0, subscriptionsMax)) subscriptions.add(service)
      applied(update)
    },
    holdNothing() {
      const names = [...held.keys()]
      held.clear()
      absent.clear()
      return names
    },
    forget(services) {
      for (const service of services) {
        drop(service)
        if (forgotten.size < subscriptionsMax) forgotten.add(service)
      }
    },
    forgetAbsent(beforeMs) {
      const old = [...absent].flatMap(([service, wantedMs]) => (wantedMs < beforeMs ? [service] : []))
      for (const service of old) drop(service)
      return old
    },
    wasForgotten: service => forgotten.has(service),
    subscriptions: () => [...subscriptions],
    held: () => held,
  }
}
