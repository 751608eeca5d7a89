import { type LookupAddress, type LookupOptions, lookup as systemLookup } from 'node:dns'
import type { LookupFunction } from 'node:net'

/** Names that are looked up at one time. An application may make up any number of them; each waits for the system's resolver in turn. */
const LOOKUPS_MAX = 256
/** RFC 1035, 2.3.4: 255 bytes on the wire are 253 characters. No resolver is asked for more. */
const NAME_BYTES_MAX = 253
/** Answers that are remembered for when there is none. The one that was used longest ago makes room. */
const REMEMBERED_MAX = 1_000
/** For so long an old answer is better than none: as long as an outage of DNS lasts on a bad day, and shorter than an address is given to others. */
const LAST_GOOD_MS = 3_600_000

type Callback = (error: NodeJS.ErrnoException | null, address: string | LookupAddress[], family?: number) => void
type Lookup = (host: string, options: LookupOptions, callback: Callback) => void

interface Answer {
  readonly address: string | LookupAddress[]
  readonly family: number | undefined
  readonly atMs: number
}

/**
 * The system's look-ups of names, one for each name at a time. The resolver takes two at once, and one that is under way can't be called
 * off: without this, a single name that is slow to resolve queues a look-up for each request to it, for long after those requests have
 * been given up, and every other name waits behind them. Where the resolver fails or knows no address, the last good answer serves.
 */
export class Lookups {
  private readonly waiting = new Map<string, Callback[]>()
  private readonly good = new Map<string, Answer>()
  private readonly system: Lookup
  private readonly nowMs: () => number

  /** `nowMs` is monotonic. */
  constructor(system: Lookup = systemLookup as Lookup, nowMs: () => number = () => performance.now()) {
    this.system = system
    this.nowMs = nowMs
  }

  /** For the options of a socket. */
  readonly lookup: LookupFunction = (host, options, callback) => {
    const refusal = this.refusalOf(host)
    const key = `${host} ${options.family ?? 0} ${options.hints ?? 0} ${options.all === true}`
    const known = refusal === undefined ? this.waiting.get(key) : undefined
    if (known !== undefined) {
      known.push(callback as Callback)
      return
    }
    if (refusal !== undefined || this.waiting.size >= LOOKUPS_MAX) {
      process.nextTick(callback, new Error(refusal ?? `${LOOKUPS_MAX} other names are being looked up`), '', 0)
      return
    }
    const callbacks = [callback as Callback]
    this.waiting.set(key, callbacks)
    this.system(host, options, (error, address, family) => {
      this.waiting.delete(key)
      const failure = error ?? emptiness(host, address)
      const answer = failure === null ? this.remember(key, address, family) : this.lastGood(key)
      for (const each of callbacks) {
        if (answer === undefined) each(failure, '', 0)
        else each(null, answer.address, answer.family)
      }
    })
  }

  private refusalOf(host: string): string | undefined {
    if (host.length <= NAME_BYTES_MAX) return undefined
    return `the name ${host.slice(0, 32)}... has ${host.length} characters, and names have at most ${NAME_BYTES_MAX}`
  }

  private remember(key: string, address: Answer['address'], family: number | undefined): Answer {
    const answer = { address, family, atMs: this.nowMs() }
    this.good.delete(key)
    this.good.set(key, answer)
    if (this.good.size > REMEMBERED_MAX) {
      for (const oldest of this.good.keys()) {
        this.good.delete(oldest)
        break
      }
    }
    return answer
  }

  private lastGood(key: string): Answer | undefined {
    const answer = this.good.get(key)
    if (answer === undefined || this.nowMs() - answer.atMs < LAST_GOOD_MS) return answer
    this.good.delete(key)
    return undefined
  }
}

/** A name may be there and have no address; a socket that is given none would wait for ever, or worse. */
function emptiness(host: string, address: string | LookupAddress[]): Error | null {
  return address === undefined || address.length === 0 ? new Error(`${host} has no address`) : null
}
