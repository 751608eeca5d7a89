import { ownText } from '../../../http/mod.ts'
import { isSensitive } from './sensitive.ts'
import { staticIndexOf, staticMatch } from './static-index.ts'
import { staticValue } from './static-table.ts'

/** Values of one name that are remembered. */
const VALUES_MAX = 8

/** A value that is, or was, in an encoder's table. */
export class KnownValue {
  readonly value: string
  /** RFC 7541, 4.1, its name included. */
  readonly size: number
  /** Its number in the order of insertion; a table that has inserted n and has c of them has those above n - c. */
  readonly nth: number

  constructor(value: string, size: number, nth: number) {
    this.value = value
    this.size = size
    this.nth = nth
  }
}

/** What an encoder knows of a name: all that can be said once, and the values that it has put into the table lately. */
export class KnownName {
  readonly name: string
  readonly sensitive: boolean
  /** The first index in the static table, or 0. */
  readonly staticIndex: number
  /** The number of the newest value that was put into the table, whose index can stand for the name; 0 before any. */
  newest = 0
  /** The value that was found or remembered last. */
  last: KnownValue | undefined = undefined
  /** Where it stands among the names, and the one that stood behind it in the last block. */
  readonly place: number
  follower = 0
  private readonly values: KnownValue[] = []
  private nextPlace = 0
  private readonly staticValues: boolean
  // Samples of the last two values that weren't found, and the last two whose sample came again.
  private lately = 0
  private before = 0
  private candidate: string | undefined = undefined
  private candidateBefore: string | undefined = undefined
  private wanted = false

  constructor(name: string, place: number) {
    this.name = name
    this.place = place
    this.sensitive = isSensitive(name)
    this.staticIndex = staticIndexOf(name)
    this.staticValues = this.staticIndex !== 0 && staticValue(this.staticIndex) !== ''
  }

  /** The index of the static field of this name and value, or 0. */
  staticMatch(value: string): number {
    if (!this.staticValues && (value !== '' || this.staticIndex === 0)) return 0
    return staticMatch(this.staticIndex, this.name, value)
  }

  /** A value among those put into the table after `evicted`. */
  find(value: string, evicted: number): KnownValue | undefined {
    const { values } = this
    for (let i = 0; i < values.length; i++) {
      const each = values[i]!
      if (each.nth > evicted && each.value === value) {
        this.last = each
        return each
      }
    }
    return undefined
  }

  /** Whether the name has come before, and stands in no table where an index could name it. */
  nameWanted(evicted: number): boolean {
    if (this.staticIndex !== 0 || this.newest > evicted) return false
    const wanted = this.wanted
    this.wanted = true
    return wanted
  }

  remember(value: KnownValue): void {
    this.values[this.nextPlace] = value
    this.nextPlace = (this.nextPlace + 1) % VALUES_MAX
    this.last = value
    this.newest = value.nth
  }

  /**
   * Whether a value that wasn't found has come three times among its name's last ones. The first time leaves a sample, the second the text:
   * what differs with each request leaves nothing that costs a copy, and nothing that keeps the head of that request alive.
   */
  comesAgain(value: string): boolean {
    if (value === this.candidate || value === this.candidateBefore) return true
    const sampled = sample(value)
    if (sampled === this.lately || sampled === this.before) {
      this.candidateBefore = this.candidate
      this.candidate = ownText(value)
    } else {
      this.before = this.lately
      this.lately = sampled
    }
    return false
  }
}

/** A number that different values seldom share, from at most nine characters. Never 0. */
function sample(value: string): number {
  let sum = value.length + 1
  const step = (value.length >> 3) + 1
  for (let i = value.length - 1; i >= 0; i -= step) sum = (Math.imul(sum, 31) + value.charCodeAt(i)) | 0
  return sum === 0 ? 1 : sum
}
