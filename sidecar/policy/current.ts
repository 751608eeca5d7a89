import { err, ok, type Result, type ServiceKey } from '../../common/mod.ts'
import { type PreparedRoutes, prepareRoutes } from '../../decide/route/mod.ts'
import type {
  EndpointsSnapshot,
  SelfSnapshot,
  ServiceSnapshot,
  SnapshotProblem,
  SnapshotUpdate,
} from '../../model/snapshot/mod.ts'
import { AddressBook, type AddressLookup } from './address-book.ts'
import type { PolicySink, PolicySource } from './source.ts'
import { unusedServices } from './unused.ts'

/** Requests that wait for the first answer about a service. More than that are told that there is no policy. */
const WAITING_MAX = 10_000
/** How long "there is no such service" is believed without being asked again. A push withdraws it at once. */
const ABSENT_MS = 10_000
/** Names of services that don't exist, as an application may make up any number of them. */
const ABSENT_MAX = 1_000

/** One service as requests use it: its snapshot, with its routes compiled. Shared until the service changes. */
export interface KnownService {
  readonly snapshot: ServiceSnapshot
  readonly routes: PreparedRoutes
}

export type Lookup =
  | { readonly kind: 'known'; readonly service: KnownService }
  | { readonly kind: 'absent' }
  /** Not known yet; `asked` says whether an answer may still come. */
  | { readonly kind: 'unknown'; readonly asked: boolean }

/** A service that is held, and when a request looked it up last. */
class Held {
  readonly kind = 'known'
  readonly service: KnownService
  usedMs: number

  constructor(service: KnownService, usedMs: number) {
    this.service = service
    this.usedMs = usedMs
  }
}

const ABSENT: Lookup = { kind: 'absent' }

/** Told what an update changed, after it is in force. */
export interface PolicyListener {
  changed(services: readonly ServiceKey[], self: boolean): void
}

/** The one cell that changes. An update is prepared whole, then put in force whole; a request keeps what it began with. */
export class CurrentPolicy implements PolicySink {
  private selfSnapshot: SelfSnapshot | undefined = undefined
  private readonly services = new Map<ServiceKey, Held>()
  private readonly endpoints = new Map<ServiceKey, EndpointsSnapshot>()
  private readonly absentSince = new Map<ServiceKey, number>()
  /** By a service's key, or by an address, which has no slash. */
  private readonly waiting = new Map<string, (() => void)[]>()
  private readonly addresses: AddressBook
  private readonly listeners: PolicyListener[] = []
  private readonly nowMs: () => number
  private waitingCount = 0
  private source: PolicySource | undefined = undefined
  /** Updates applied and refused, for metrics. */
  applied = 0
  refused = 0
  revision = ''

  constructor(nowMs: () => number) {
    this.nowMs = nowMs
    this.addresses = new AddressBook({
      nowMs,
      ask: (address, found) => this.source?.findOwner?.(address, found) === true,
      learnt: address => this.wake(address),
    })
  }

  /** Begins to be fed. */
  follow(source: PolicySource): void {
    this.source = source
    source.start(this)
  }

  get self(): SelfSnapshot | undefined {
    return this.selfSnapshot
  }

  onChange(listener: PolicyListener): void {
    this.listeners.push(listener)
  }

  lookup(key: ServiceKey): Lookup {
    const known = this.services.get(key)
    if (known !== undefined) {
      known.usedMs = this.nowMs()
      return known
    }
    const since = this.absentSince.get(key)
    if (since !== undefined) {
      if (this.nowMs() - since < ABSENT_MS) return ABSENT
      this.absentSince.delete(key)
    }
    const { source } = this
    if (source === undefined) return { kind: 'unknown', asked: false }
    source.want(key)
    const now = this.services.get(key)
    if (now !== undefined) return now
    if (this.absentSince.has(key)) return ABSENT
    return { kind: 'unknown', asked: source.connected() }
  }

  /** Whose an IP address is, in its shortest spelling. */
  lookupAddress(address: string): AddressLookup {
    return this.addresses.lookup(address)
  }

  /** What is held of a service; unlike `lookup`, it is no use of it. */
  serviceOf(key: ServiceKey): KnownService | undefined {
    return this.services.get(key)?.service
  }

  /** How many services are held. */
  get size(): number {
    return this.services.size
  }

  /**
   * Drops the services that no request has looked up since `sinceMs` (monotonic) and that carry nothing (`busy`), and those that came
   * along as their backends. One that is wanted again is asked for again.
   */
  forgetUnused(sinceMs: number, busy: (key: ServiceKey) => boolean): void {
    if (this.forgets) this.forget(this.unused(sinceMs, busy), sinceMs)
  }

  /** Whether anything is ever dropped: not where the source could not bring it back. */
  get forgets(): boolean {
    return this.source?.forget !== undefined
  }

  /** What `forgetUnused` would drop. */
  unused(sinceMs: number, busy: (key: ServiceKey) => boolean): readonly ServiceKey[] {
    return unusedServices(this.services, sinceMs, busy)
  }

  /** Drops these services, used or not. */
  forget(services: readonly ServiceKey[], sinceMs: number): void {
    for (const key of services) {
      this.services.delete(key)
      this.endpoints.delete(key)
    }
    this.source?.forget?.(services, sinceMs)
    if (services.length > 0) for (const listener of this.listeners) listener.changed(services, false)
  }

  endpointsOf(key: ServiceKey): EndpointsSnapshot | undefined {
    return this.endpoints.get(key)
  }

  /** Calls back once when something is known of the service, or of the address. Returns the function that gives up, or `undefined` when too many wait. */
  whenKnown(key: string, callback: () => void): (() => void) | undefined {
    if (this.waitingCount >= WAITING_MAX) return undefined
    const list = this.waiting.get(key) ?? []
    list.push(callback)
    this.waiting.set(key, list)
    this.waitingCount++
    return () => {
      const place = list.indexOf(callback)
      if (place === -1) return
      list.splice(place, 1)
      this.waitingCount--
      if (list.length === 0 && this.waiting.get(key) === list) this.waiting.delete(key)
    }
  }

  apply(update: SnapshotUpdate): Result<void, readonly SnapshotProblem[]> {
    const prepared = prepare(update)
    if (!prepared.ok) {
      this.refused++
      return prepared
    }
    // A mere "there is no such service" is an answer to a question, as often as an application makes up names.
    if (update.revision !== this.revision || update.services.length + update.endpoints.length > 0) this.applied++
    this.revision = update.revision
    if (update.self !== undefined) this.selfSnapshot = update.self
    const changed = new Set<ServiceKey>()
    for (const service of prepared.value) {
      const { key } = service.snapshot
      this.services.set(key, new Held(service, this.services.get(key)?.usedMs ?? this.nowMs()))
      this.absentSince.delete(service.snapshot.key)
      changed.add(service.snapshot.key)
    }
    for (const endpoints of update.endpoints) {
      this.endpoints.set(endpoints.service, endpoints)
      changed.add(endpoints.service)
    }
    for (const key of update.absent) {
      this.services.delete(key)
      this.endpoints.delete(key)
      this.rememberAbsent(key)
      changed.add(key)
    }
    const keys = [...changed]
    for (const listener of this.listeners) listener.changed(keys, update.self !== undefined)
    for (const key of keys) this.wake(key)
    return ok(undefined)
  }

  private rememberAbsent(key: ServiceKey): void {
    this.absentSince.delete(key)
    if (this.absentSince.size >= ABSENT_MAX) {
      // The oldest goes: a map keeps the order of insertion.
      for (const oldest of this.absentSince.keys()) {
        this.absentSince.delete(oldest)
        break
      }
    }
    this.absentSince.set(key, this.nowMs())
  }

  private wake(key: string): void {
    const list = this.waiting.get(key)
    if (list === undefined) return
    this.waiting.delete(key)
    this.waitingCount -= list.length
    for (const callback of list.splice(0)) callback()
  }

  /** Everything that is in force, for people. */
  dump(): {
    self: SelfSnapshot | undefined
    revision: string
    services: ServiceSnapshot[]
    endpoints: EndpointsSnapshot[]
  } {
    return {
      self: this.selfSnapshot,
      revision: this.revision,
      services: [...this.services.values()].map(known => known.service.snapshot),
      endpoints: [...this.endpoints.values()],
    }
  }
}

/** Compiles all that is new before any of it holds: all of it is good, or none is taken. */
function prepare(update: SnapshotUpdate): Result<KnownService[], SnapshotProblem[]> {
  const problems: SnapshotProblem[] = []
  const services: KnownService[] = []
  const seen = new Set<string>()
  const once = (resource: string): void => {
    if (seen.has(resource)) problems.push({ resource, field: '', message: `${resource} stands twice in one update` })
    seen.add(resource)
  }
  for (const snapshot of update.services) {
    once(`service/${snapshot.key}`)
    const routes = prepareRoutes(snapshot)
    if (routes.ok) services.push({ snapshot, routes: routes.value })
    else
      problems.push({ resource: `service/${snapshot.key}`, field: routes.error.field, message: routes.error.message })
  }
  for (const endpoints of update.endpoints) once(`endpoints/${endpoints.service}`)
  return problems.length > 0 ? err(problems) : ok(services)
}
