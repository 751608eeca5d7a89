import { ok, type Result, type ServiceKey } from '../../common/mod.ts'
import type { AddressOwner, SnapshotProblem } from '../../model/snapshot/mod.ts'
import type { PolicySink, PolicySource } from '../policy/source.ts'
import type { SharedUpdate } from './messages.ts'
import { type Place, shareOut } from './share-out.ts'

/** Names that are asked for and not answered yet. Beyond that they are asked for again, which does no harm. */
const WANTED_MAX = 10_000
/** One that was not answered by then is asked for again: there may have been no room for it. */
const ASK_AGAIN_MS = 1_000

export interface AskedSourceOptions {
  readonly place: Place
  /** Asks the main thread for these. */
  want(services: readonly ServiceKey[]): void
  /** Asks the main thread whose this IP address is. */
  askAddress(address: string): void
  /** Whether the main thread's source can answer now. */
  connected(): boolean
  /** Monotonic. */
  nowMs(): number
}

/** In a worker: the policy that the main thread hands on. What a request wants is asked for there, once. */
export class AskedSource implements PolicySource {
  /** Of the Services that are held. */
  readonly cells = new Map<ServiceKey, SharedArrayBuffer>()
  private readonly options: AskedSourceOptions
  /** When each was asked for. */
  private readonly wanted = new Map<ServiceKey, number>()
  private asking: ServiceKey[] = []
  private readonly addresses = new Map<string, (owner: AddressOwner) => void>()
  private sink: PolicySink | undefined = undefined

  constructor(options: AskedSourceOptions) {
    this.options = options
  }

  start(sink: PolicySink): void {
    this.sink = sink
  }

  /** What the main thread has found good. Limits are shared out among the workers. */
  apply({ update, cells }: SharedUpdate): Result<void, readonly SnapshotProblem[]> {
    for (const [key, buffer] of cells) this.cells.set(key, buffer)
    for (const key of update.absent) this.cells.delete(key)
    for (const key of [...update.absent, ...update.services.map(service => service.key)]) this.wanted.delete(key)
    const services = update.services.map(service => {
      const buffer = this.cells.get(service.key)
      return buffer === undefined
        ? service
        : { ...service, traffic: shareOut(service.traffic, buffer, this.options.place) }
    })
    return this.sink?.apply({ ...update, services }) ?? ok(undefined)
  }

  want(service: ServiceKey): void {
    const now = this.options.nowMs()
    if (now - (this.wanted.get(service) ?? Number.NEGATIVE_INFINITY) < ASK_AGAIN_MS) return
    if (this.wanted.size >= WANTED_MAX) this.wanted.clear()
    this.wanted.set(service, now)
    this.asking.push(service)
    if (this.asking.length === 1) setImmediate(() => this.options.want(this.asking.splice(0)))
  }

  findOwner(address: string, found: (owner: AddressOwner) => void): boolean {
    if (!this.options.connected()) return false
    if (this.addresses.size >= WANTED_MAX) this.addresses.clear()
    this.addresses.set(address, found)
    this.options.askAddress(address)
    return true
  }

  /** The main thread's answer, to whichever worker has asked. */
  foundOwner(address: string, owner: AddressOwner): void {
    const found = this.addresses.get(address)
    this.addresses.delete(address)
    found?.(owner)
  }

  /** The main thread decides what is dropped, and has its own source told. */
  forget(services: readonly ServiceKey[]): void {
    for (const key of services) this.cells.delete(key)
  }

  connected(): boolean {
    return this.options.connected()
  }

  async close(): Promise<void> {
    this.sink = undefined
  }
}
