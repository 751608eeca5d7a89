import { ownText } from '../../../http/mod.ts'
import { DEFAULT_TABLE_BYTES, DynamicTable } from './dynamic-table.ts'
import { FIELD_OVERHEAD_BYTES } from './field.ts'
import { KnownName, KnownValue } from './known-name.ts'
import { writeLatin1 } from './latin1.ts'
import { STATIC_FIELDS } from './static-table.ts'

/** What `begin` writes at most: two table size updates (RFC 7541, 4.2). */
export const BEGIN_BYTES_MAX = 12
/** The longest integer that we write: a prefix, and 32 bits in sevens. */
const INTEGER_BYTES = 6
/** Names that are remembered, a power of two: an application's heads have a few dozen. */
const NAMES = 128
/** A field larger than this part of the table would drive out too much. */
const TABLE_PART = 4

const INDEXED = 0x80
const WITH_INDEXING = 0x40
const WITHOUT_INDEXING = 0x00
const NEVER_INDEXED = 0x10
const SIZE_UPDATE = 0x20

/**
 * Encodes the header blocks of one direction of one connection, in the order in which they leave (RFC 7541).
 *
 * A value goes into the table when it comes for the third time among its name's last ones: what differs with each request never does, what
 * repeats does, and no list of names has to know which is which. A name that no table has gets there with its second value, so that the
 * next ones can be written behind its index. Strings are plain: Huffman costs 2 ns a character at both ends and saves
 * a quarter of the few that are still written once the table is warm.
 */
export class HpackEncoder {
  private readonly table = new DynamicTable<KnownValue>(DEFAULT_TABLE_BYTES)
  private readonly names: (KnownName | undefined)[] = new Array<KnownName | undefined>(NAMES).fill(undefined)
  private readonly ownMaxBytes: number
  /** The size that the table is to have from the next block on, and the smallest that was asked for since the last. */
  private wantedBytes: number
  private smallestBytes: number
  private unsettled = 0
  /** Stands before the first field of each block. */
  private readonly front = new KnownName('', 0)
  private previous = this.front

  /** `maxTableBytes` bounds our table, however much the peer allows. */
  constructor(maxTableBytes: number) {
    this.ownMaxBytes = maxTableBytes
    this.wantedBytes = Math.min(maxTableBytes, DEFAULT_TABLE_BYTES)
    this.smallestBytes = this.wantedBytes
  }

  /** The peer's SETTINGS_HEADER_TABLE_SIZE. The next block begins by saying what we made of it. */
  setPeerTableSize(bytes: number): void {
    this.wantedBytes = Math.min(bytes, this.ownMaxBytes)
    if (this.wantedBytes < this.smallestBytes) this.smallestBytes = this.wantedBytes
  }

  /** Changes with the table: what was written is written the same as long as this is. */
  get generation(): number {
    // What was inserted, and what was driven out.
    return 2 * this.table.inserted - this.table.count
  }

  /**
   * How many literals were written that may yet enter the table. Bytes in whose writing this has grown are not worth keeping: written again,
   * they become shorter.
   */
  get learning(): number {
    return this.unsettled
  }

  /** How many bytes a field takes at most. */
  worstCase(name: string, value: string): number {
    return name.length + value.length + 2 * INTEGER_BYTES + 1
  }

  /** Begins a block: every block, trailers too. Writes at most BEGIN_BYTES_MAX and returns the offset behind them. */
  begin(into: Buffer, at: number): number {
    this.previous = this.front
    const { table } = this
    let next = at
    if (this.smallestBytes < table.maxBytes) {
      table.resize(this.smallestBytes)
      next = writeInteger(into, next, SIZE_UPDATE, 0x1f, this.smallestBytes)
    }
    if (this.wantedBytes !== table.maxBytes) {
      table.resize(this.wantedBytes)
      next = writeInteger(into, next, SIZE_UPDATE, 0x1f, this.wantedBytes)
    }
    this.smallestBytes = this.wantedBytes
    return next
  }

  /** The :status field. Returns the offset behind it. */
  status(into: Buffer, at: number, status: number): number {
    if (status === 200) {
      into[at] = INDEXED | 8
      return at + 1
    }
    return this.field(into, at, ':status', String(status))
  }

  /** One field; `name` is in lower case, both are latin1. Needs `worstCase` bytes at `at`, and returns the offset behind it. */
  field(into: Buffer, at: number, name: string, value: string): number {
    const { table } = this
    const known = this.known(name)
    const evicted = table.inserted - table.count
    const { last } = known
    if (last !== undefined && last.nth > evicted && last.value === value) {
      return writeInteger(into, at, INDEXED, 0x7f, STATIC_FIELDS + 1 + table.inserted - last.nth)
    }
    const fixed = known.staticMatch(value)
    if (fixed !== 0) {
      into[at] = INDEXED | fixed
      return at + 1
    }
    if (known.sensitive) return this.literal(into, at, NEVER_INDEXED, 0x0f, known, value)
    const older = known.find(value, evicted)
    if (older !== undefined) {
      return writeInteger(into, at, INDEXED, 0x7f, STATIC_FIELDS + 1 + table.inserted - older.nth)
    }
    const size = name.length + value.length + FIELD_OVERHEAD_BYTES
    if (size > table.maxBytes / TABLE_PART) return this.literal(into, at, WITHOUT_INDEXING, 0x0f, known, value)
    if (!known.comesAgain(value) && !known.nameWanted(evicted)) {
      this.unsettled++
      return this.literal(into, at, WITHOUT_INDEXING, 0x0f, known, value)
    }
    if (hasQuery(name, value)) return this.literal(into, at, WITHOUT_INDEXING, 0x0f, known, value)
    const next = this.literal(into, at, WITH_INDEXING, 0x3f, known, value)
    const entry = new KnownValue(ownText(value), size, table.inserted + 1)
    table.insert(entry)
    known.remember(entry)
    return next
  }

  /** As `field`, for one that came as never indexed, or that the caller knows to be secret (RFC 7541, 6.2.3). */
  sensitive(into: Buffer, at: number, name: string, value: string): number {
    return this.literal(into, at, NEVER_INDEXED, 0x0f, this.known(name), value)
  }

  private literal(into: Buffer, at: number, kind: number, mask: number, known: KnownName, value: string): number {
    const { table } = this
    let index = known.staticIndex
    if (index === 0 && known.newest > table.inserted - table.count) {
      index = STATIC_FIELDS + 1 + table.inserted - known.newest
    }
    let next = writeInteger(into, at, kind, mask, index)
    if (index === 0) {
      next = writeInteger(into, next, 0, 0x7f, known.name.length)
      next = writeLatin1(into, next, known.name)
    }
    next = writeInteger(into, next, 0, 0x7f, value.length)
    return writeLatin1(into, next, value)
  }

  /** What is known of a name: first it is guessed that fields follow each other as they did the last time. */
  private known(name: string): KnownName {
    const { names, previous } = this
    const guess = names[previous.follower]
    if (guess !== undefined && guess.name === name) {
      this.previous = guess
      return guess
    }
    const known = this.lookUp(name)
    previous.follower = known.place
    this.previous = known
    return known
  }

  /** Two places are looked at; a third name that wants them takes the second. */
  private lookUp(name: string): KnownName {
    const { names } = this
    const first = placeOf(name) & (NAMES - 1)
    const known = names[first]
    if (known !== undefined && known.name === name) return known
    const second = names[first ^ 1]
    if (second !== undefined && second.name === name) return second
    const place = known === undefined ? first : first ^ 1
    const fresh = new KnownName(ownText(name), place)
    names[place] = fresh
    return fresh
  }
}

function placeOf(name: string): number {
  const { length } = name
  return length * 5 + name.charCodeAt(0) * 3 + name.charCodeAt(length >> 1) * 7 + name.charCodeAt(length - 1) * 13
}

/** A query may hold what nobody else on this connection should be able to guess at (RFC 7541, 7.1). */
function hasQuery(name: string, value: string): boolean {
  return name === ':path' && value.includes('?')
}

/** An integer behind the bits of `kind` (RFC 7541, 5.1); `mask` is the largest that its prefix holds, and stands for more. */
function writeInteger(into: Buffer, at: number, kind: number, mask: number, value: number): number {
  if (value < mask) {
    into[at] = kind | value
    return at + 1
  }
  into[at] = kind | mask
  let next = at + 1
  let rest = value - mask
  while (rest >= 0x80) {
    into[next++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  into[next++] = rest
  return next
}
