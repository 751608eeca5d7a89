/** Destinations that are remembered. The one that was heard of longest ago makes room. */
const REMEMBERED_MAX = 1_000
/** A port changes hands rarely, and what is remembered only saves the wait. */
const REMEMBERED_MS = 3_600_000

/**
 * Destinations whose servers speak before their clients do: bytes of theirs really came first. What is remembered decides nothing: who connects there
 * is connected at once, and if it speaks HTTP all the same, that is what it speaks.
 */
export class ServerFirst {
  private readonly nowMs: () => number
  /** By destination, when it was last seen. In the order of that. */
  private readonly seenMs = new Map<string, number>()

  /** `nowMs` is monotonic. */
  constructor(nowMs: () => number) {
    this.nowMs = nowMs
  }

  has(destination: string): boolean {
    const seenMs = this.seenMs.get(destination)
    if (seenMs === undefined) return false
    if (this.nowMs() - seenMs < REMEMBERED_MS) return true
    this.seenMs.delete(destination)
    return false
  }

  /** Its bytes have come first. */
  remember(destination: string): void {
    this.seenMs.delete(destination)
    if (this.seenMs.size >= REMEMBERED_MAX) {
      for (const oldest of this.seenMs.keys()) {
        this.seenMs.delete(oldest)
        break
      }
    }
    this.seenMs.set(destination, this.nowMs())
  }

  /** Who connects there has spoken first after all. */
  forget(destination: string): void {
    this.seenMs.delete(destination)
  }

  get size(): number {
    return this.seenMs.size
  }
}
