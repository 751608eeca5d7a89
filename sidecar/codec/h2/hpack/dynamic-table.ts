/** What every peer assumes before SETTINGS say otherwise (RFC 9113, 6.5.2). */
export const DEFAULT_TABLE_BYTES = 4096

/** Most connections repeat few fields: the ring begins with room for so many, a power of two. */
const FIRST_RING = 16

/**
 * The dynamic table (RFC 7541, 2.3.2), for both directions: a ring in which the newest entry overwrites the place of one long evicted.
 *
 *     entries   [ 17 ][ 18 ][ 19 ][ 12 ][ 13 ][ 14 ][ 15 ][ 16 ]      inserted 19, count 6: 14 to 19 are in the table
 *                            newest              oldest
 *
 * Entry number n lies at n modulo the ring's length. `table.entry(0)` is the newest.
 */
export class DynamicTable<Entry extends { readonly size: number }> {
  /** How many entries were ever inserted: the number of the newest. */
  inserted = 0
  /** How many entries are in the table. */
  count = 0
  /** What they take (RFC 7541, 4.1), never more than `maxBytes`. */
  bytes = 0
  maxBytes: number
  private entries: (Entry | undefined)[] = new Array<Entry | undefined>(FIRST_RING).fill(undefined)
  private mask = FIRST_RING - 1

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes
  }

  /** The entry that `newer` entries came after, or nothing. */
  entry(newer: number): Entry | undefined {
    return newer < this.count ? this.entries[(this.inserted - newer) & this.mask] : undefined
  }

  /** Evicts what must go, then inserts. An entry larger than the table empties it, and is not in it (RFC 7541, 4.4). */
  insert(entry: Entry): boolean {
    if (this.bytes + entry.size > this.maxBytes) this.evict(this.maxBytes - entry.size)
    if (entry.size > this.maxBytes) return false
    if (this.count === this.mask + 1) this.grow()
    this.entries[++this.inserted & this.mask] = entry
    this.count++
    this.bytes += entry.size
    return true
  }

  resize(maxBytes: number): void {
    this.maxBytes = maxBytes
    this.evict(maxBytes)
  }

  clear(): void {
    this.evict(0)
  }

  /** Evicts the oldest until no more than `bytes` are left (RFC 7541, 4.3). */
  private evict(bytes: number): void {
    while (this.count > 0 && this.bytes > bytes) {
      const oldest = (this.inserted - this.count + 1) & this.mask
      this.bytes -= this.entries[oldest]!.size
      this.entries[oldest] = undefined
      this.count--
    }
  }

  private grow(): void {
    const { entries, mask, inserted } = this
    const newMask = mask * 2 + 1
    const larger = new Array<Entry | undefined>(newMask + 1).fill(undefined)
    for (let n = inserted - this.count + 1; n <= inserted; n++) larger[n & newMask] = entries[n & mask]
    this.entries = larger
    this.mask = newMask
  }
}
