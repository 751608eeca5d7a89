import { err, ok, type Result, type ServiceKey } from '../../common/mod.ts'
import type { SnapshotProblem } from '../../model/snapshot/mod.ts'
import type { FleetStream } from '../fleet/mod.ts'
import {
  type ContentVersion,
  diff,
  type EndpointsChange,
  type EndpointsResource,
  endpointsResource,
  type HeldVersions,
  type Resource,
  type ResourceName,
  type Resources,
  type Snapshots,
  serviceOfResource,
  serviceResource,
} from '../snapshots/mod.ts'
import { SUBSCRIPTIONS_MAX } from './limits.ts'
import type { OutgoingUpdate } from './messages.ts'

/**
 * One sidecar's conversation after its Hello: what it wants, what it holds, what is on its way. At most one update is unanswered;
 * what happens meanwhile is looked at once the answer is there, so a slow sidecar gets the latest and costs no queue.
 */
export interface Session {
  /** Begins: the sidecar is answered at once, even if nothing differs. */
  start(): void
  /** The sidecar's wishes have changed. What is new is answered as soon as nothing is unanswered. Refused when it wants too much. */
  subscribe(add: readonly ServiceKey[], remove: readonly ServiceKey[]): Result<void, string>
  /** The mesh has changed. */
  changed(): void
  /** Stale nonces are ignored. */
  ack(nonce: string): void
  /** `lost`: what the update builds on and the sidecar turned out not to hold. It is sent whole then, and nothing counts as refused. */
  nack(nonce: string, problems: readonly SnapshotProblem[], lost?: readonly ResourceName[]): void
  /** Sorted. */
  subscriptions(): readonly ServiceKey[]
}

export interface SessionOptions {
  readonly held: HeldVersions
  readonly subscriptions: readonly ServiceKey[]
  /** What the sidecar shall know now, if it wants these services. */
  readonly resourcesFor: (services: Iterable<ServiceKey>) => {
    readonly revision: number
    readonly resources: Resources
  }
  /** What takes an older list of endpoints to the present one; `undefined` where the sidecar takes whole lists alone. */
  readonly changeSince: Snapshots['changeSince'] | undefined
  /** While it is, nothing is sent. @default never */
  readonly frozen?: () => boolean
  readonly fleet: Pick<FleetStream, 'unchanged' | 'sent' | 'acknowledged' | 'refused' | 'abandoned'>
  readonly send: (update: OutgoingUpdate) => void
}

export function createSession(options: SessionOptions): Session {
  const held = new Map<ResourceName, ContentVersion>(options.held)
  const subscribed = new Set<ServiceKey>(options.subscriptions)
  /** Services that the sidecar holds because they were sent as backends: kept up to date too, or it would route by what is no longer true. */
  const implied = new Set<ServiceKey>()
  /** What was refused, and what came with it. Not sent again until something about it changes. */
  const refused = new Map<ResourceName, ContentVersion>()
  /** Subscribed to, and not looked at yet. */
  const fresh = new Set<ServiceKey>()
  let unanswered: OutgoingUpdate | undefined
  /** What to look at when the answer has come: nothing, what is fresh, or all. */
  let next: 'nothing' | 'fresh' | 'all' = 'nothing'
  /** The sidecar asked, and is to be answered even if nothing differs. */
  let owed = false
  /** The revision at which all was looked at last. */
  let lookedAt = -1
  let updates = 0

  for (const name of held.keys()) {
    const service = serviceOfResource(name)
    if (service !== undefined) implied.add(service)
  }

  function look(scope: 'fresh' | 'all'): void {
    if (options.frozen?.() === true) return
    if (unanswered !== undefined) {
      if (next !== 'all') next = scope
      return
    }
    const { revision, resources, whole } = lookUp(scope)
    fresh.clear()
    const { changed, dropped } = diff(held, resources)
    if (whole) {
      for (const name of dropped) held.delete(name)
      if (outdated(refused, resources)) refused.clear()
      lookedAt = revision
    }
    const sendable = refused.size === 0 ? changed : without(changed, refused, held)
    if (sendable.size > 0) options.fleet.sent(revision)
    else if (whole) options.fleet.unchanged(revision)
    if (sendable.size === 0 && !owed) return
    owed = false
    updates++
    unanswered = { nonce: String(updates), revision, resources: sendable, changes: changesFor(sendable) }
    options.send(unanswered)
  }

  /** A thousand first uses, one after the other, must not cost a thousand looks at all that is held. */
  function lookUp(scope: 'fresh' | 'all') {
    if (scope === 'fresh' && refused.size === 0) {
      const found = options.resourcesFor(fresh)
      if (found.revision === lookedAt) return { ...found, whole: false }
    }
    return { ...options.resourcesFor(subscribed.union(implied)), whole: true }
  }

  function changesFor(sendable: Resources): ReadonlyMap<ResourceName, EndpointsChange> {
    const changes = new Map<ResourceName, EndpointsChange>()
    for (const [name, resource] of sendable) {
      const base = resource.kind === 'endpoints' ? held.get(name) : undefined
      const change = base === undefined ? undefined : options.changeSince?.(base, resource as EndpointsResource)
      if (change !== undefined) changes.set(name, change)
    }
    return changes
  }

  /** What was taken for held is not: from here on it is sent whole. */
  function forget(names: readonly ResourceName[]): void {
    for (const name of names) held.delete(name)
  }

  /** Whether to send something whole would help: it was not sent so already, nor is it what the sidecar refuses. */
  function canBeFound(name: ResourceName, update: OutgoingUpdate): boolean {
    const sentWhole = update.resources.has(name) && !update.changes.has(name)
    return !sentWhole && !refused.has(name)
  }

  function answered(nonce: string): OutgoingUpdate | undefined {
    if (unanswered?.nonce !== nonce) return undefined
    const update = unanswered
    unanswered = undefined
    return update
  }

  function goOn(): void {
    const todo = next
    next = 'nothing'
    if (todo !== 'nothing') look(todo)
  }

  return {
    start() {
      owed = true
      look('all')
    },
    subscribe(add, remove) {
      for (const service of remove) {
        subscribed.delete(service)
        fresh.delete(service)
        implied.delete(service)
        // Nor does it hold it any more: where a rule names it as a backend, it is sent again.
        forget([serviceResource(service), endpointsResource(service)])
      }
      for (const service of add) {
        subscribed.add(service)
        // Who asks does not have it, whatever was said before.
        forget([serviceResource(service), endpointsResource(service)])
        fresh.add(service)
      }
      if (subscribed.size > SUBSCRIPTIONS_MAX) {
        return err(`Cannot subscribe to ${subscribed.size} services: ${SUBSCRIPTIONS_MAX} is the most for one sidecar`)
      }
      owed ||= add.length > 0
      look(remove.length > 0 ? 'all' : 'fresh')
      return ok(undefined)
    },
    changed() {
      look('all')
    },
    ack(nonce) {
      const update = answered(nonce)
      if (update === undefined) return
      for (const [name, resource] of update.resources) {
        held.set(name, resource.version)
        if (resource.kind === 'service') implied.add(resource.content.key)
      }
      if (update.resources.size > 0) options.fleet.acknowledged(refused.size === 0)
      goOn()
    },
    nack(nonce, problems, lost = []) {
      const update = answered(nonce)
      if (update === undefined) return
      if (lost.some(name => canBeFound(name, update))) {
        forget(lost)
        options.fleet.abandoned()
        owed = true
        next = 'all'
        goOn()
        return
      }
      for (const name of blamed(update.resources, problems)) {
        const version = update.resources.get(name)?.version
        if (version !== undefined) refused.set(name, version)
      }
      if (update.resources.size > 0) options.fleet.refused(problems)
      // Where the instances are is news of its own: what could not be blamed follows without the rest.
      if (update.resources.size > 0) next = 'all'
      goOn()
    },
    subscriptions: () => [...subscribed].sort(),
  }
}

/**
 * What is held back after a refusal: all rules of the update, because they belong together, and those endpoints that the problems name.
 * Where the problems name nothing that was sent, all of it.
 */
function blamed(sent: Resources, problems: readonly SnapshotProblem[]): readonly ResourceName[] {
  const named = new Set<string>(problems.map(problem => problem.resource))
  const names = [...sent.keys()]
  if (!names.some(name => named.has(name))) return names
  return names.filter(name => named.has(name) || sent.get(name)?.kind !== 'endpoints')
}

/** Whether something that was refused has changed since: then all that was held back may be tried again, together. */
function outdated(refused: HeldVersions, resources: Resources): boolean {
  for (const [name, version] of refused) if (resources.get(name)?.version !== version) return true
  return false
}

/** What may be sent beside what was refused. Endpoints of a Service that the sidecar was never told of would mean nothing to it. */
function without(changed: Resources, refused: HeldVersions, held: HeldVersions): Resources {
  const sendable = new Map<ResourceName, Resource>()
  for (const [name, resource] of changed) {
    if (refused.has(name)) continue
    if (resource.kind === 'endpoints') {
      const rules = serviceResource(resource.content.service)
      if (refused.has(rules) && !held.has(rules)) continue
    }
    sendable.set(name, resource)
  }
  return sendable
}
