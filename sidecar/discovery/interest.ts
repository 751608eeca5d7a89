import type { ServiceKey } from '../../common/mod.ts'
import type { VersionedUpdate } from './messages.ts'

/** The most that a control plane takes of one sidecar. */
const SUBSCRIPTIONS_MAX = 10_000
/** What stands for "does not exist" where a version is expected. */
const ABSENT = '-'

/** What this sidecar uses, and what it holds of it. */
export interface Interest {
  /**
   * A request wants `service`. `new`: it has to be asked for, and `dropped` given up for it; `absent`: it is known not to exist;
   * `known`: it is held, or asked for already; `full`: too much is in use to take more.
   */
  want(service: ServiceKey): Wish
  /** An update has been applied. */
  applied(update: VersionedUpdate): void
  subscriptions(): readonly ServiceKey[]
  held(): ReadonlyMap<string, string>
}

export type Wish =
  | { readonly kind: 'new'; readonly dropped: ServiceKey | undefined }
  | { readonly kind: 'absent' | 'known' | 'full' }

export function createInterest(subscriptionsMax = SUBSCRIPTIONS_MAX): Interest {
  /** In the order in which they were wanted first. */
  const subscriptions = new Set<ServiceKey>()
  const held = new Map<string, string>()
  /** Subscriptions to what doesn't exist: a client may make up names without end, so the oldest of them give way. */
  const absent = new Set<ServiceKey>()

  function drop(service: ServiceKey): void {
    subscriptions.delete(service)
    absent.delete(service)
    held.delete(`service/${service}`)
  }

  return {
    want(service) {
      if (absent.has(service)) return { kind: 'absent' }
      // What came along as another's backend is held, and kept up to date, without a subscription.
      if (subscriptions.has(service) || held.has(`service/${service}`)) return { kind: 'known' }
      let dropped: ServiceKey | undefined
      if (subscriptions.size >= subscriptionsMax) {
        dropped = absent.values().next().value
        if (dropped === undefined) return { kind: 'full' }
        drop(dropped)
      }
      subscriptions.add(service)
      return { kind: 'new', dropped }
    },
    applied({ update, versions }) {
      for (const [name, version] of versions) held.set(name, version)
      for (const { key } of update.services) absent.delete(key)
      for (const key of update.absent) {
        held.delete(`endpoints/${key}`)
        // Nobody here asked for it: it was a backend once, and is forgotten.
        if (!subscriptions.has(key)) held.delete(`service/${key}`)
        else {
          held.set(`service/${key}`, ABSENT)
          absent.add(key)
        }
      }
    },
    subscriptions: () => [...subscriptions],
    held: () => held,
  }
}
