import { isEjected, type OutlierState } from './state.ts'

/**
 * The endpoints of one destination, to know which share of them is ejected. The count is kept until the first ejection
 * ends, so that asking for it costs one comparison for each request.
 */
export class OutlierGroup {
  readonly #members = new Set<OutlierState>()
  #ejected = 0
  /** When `#ejected` has to be counted again. */
  #countUntilMs = Number.POSITIVE_INFINITY

  get size(): number {
    return this.#members.size
  }

  add(member: OutlierState): void {
    this.#members.add(member)
    this.recount()
  }

  remove(member: OutlierState): void {
    this.#members.delete(member)
    this.recount()
  }

  /** A member's state has changed. */
  recount(): void {
    this.#countUntilMs = Number.NEGATIVE_INFINITY
  }

  /** How many members are ejected now. Time doesn't run backwards from one call to the next. */
  ejected(nowMs: number): number {
    if (nowMs < this.#countUntilMs) return this.#ejected
    this.#ejected = 0
    this.#countUntilMs = Number.POSITIVE_INFINITY
    for (const member of this.#members) {
      if (!isEjected(member, nowMs)) continue
      this.#ejected += 1
      if (member.ejectedUntilMs < this.#countUntilMs) this.#countUntilMs = member.ejectedUntilMs
    }
    return this.#ejected
  }
}
