import { type LookupAddress, type LookupOptions, lookup as systemLookup } from 'node:dns'
import type { LookupFunction } from 'node:net'

/** Names that are looked up at one time. An application may make up any number of them; each waits for the system's resolver in turn. */
const LOOKUPS_MAX = 256

type Callback = (error: NodeJS.ErrnoException | null, address: string | LookupAddress[], family?: number) => void
type Lookup = (host: string, options: LookupOptions, callback: Callback) => void

/**
 * The system's look-ups of names, one for each name at a time. The resolver takes two at once, and one that is under way can't be called
 * off: without this, a single name that is slow to resolve queues a look-up for each request to it, for long after those requests have
 * been given up, and every other name waits behind them.
 */
export class Lookups {
  private readonly waiting = new Map<string, Callback[]>()
  private readonly system: Lookup

  constructor(system: Lookup = systemLookup as Lookup) {
    this.system = system
  }

  /** For the options of a socket. */
  readonly lookup: LookupFunction = (host, options, callback) => {
    const key = `${host} ${options.family ?? 0} ${options.hints ?? 0} ${options.all === true}`
    const known = this.waiting.get(key)
    if (known !== undefined) {
      known.push(callback as Callback)
      return
    }
    if (this.waiting.size >= LOOKUPS_MAX) {
      process.nextTick(callback, new Error(`${LOOKUPS_MAX} other names are being looked up`), '', 0)
      return
    }
    const callbacks = [callback as Callback]
    this.waiting.set(key, callbacks)
    this.system(host, options, (error, address, family) => {
      this.waiting.delete(key)
      for (const each of callbacks) each(error, address, family)
    })
  }
}
