import { isEjected, type OutlierState } from './state.ts'

/**
 * The endpoints of one destination, to know which share of them is ejected. The count is kept until the first ejection
 * ends, so that asking for it costs one comparison for each request.
 */
export class OutlierGroup {
  readonly #members = new Set<OutlierState>()
  #ejected = 0
  #spared = 0
  /** When `#ejected` has to be counted again. */
  #countUntilMs = Number.POSITIVE_INFINITY

  get size(): number {
    return this.#members.size
  }

  /** Members that fail as those do that are ejected, and are in only because too many are out. */
  get spared(): number {
    return this.#spared
  }

  add(member: OutlierState): void {
    if (!this.#members.has(member) && member.spared) this.#spared += 1
    this.#members.add(member)
    this.recount()
  }

  remove(member: OutlierState): void {
    if (this.#members.delete(member) && member.spared) this.#spared -= 1
    this.recount()
  }

  /** Notes that a member is spared, or is so no longer. */
  spare(member: OutlierState, spared: boolean): void {
    if (member.spared === spared) return
    member.spared = spared
    if (this.#members.has(member)) this.#spared += spared ? 1 : -1
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
