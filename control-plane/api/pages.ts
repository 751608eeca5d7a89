import { randomUUID } from 'node:crypto'
import { type Clock, err, ok, type Result } from '../../common/mod.ts'
import { EXPIRED, NO_CONTINUE, type Refusal } from './status.ts'

/** One page of a list, all of whose pages show one revision. */
export interface Page<Item> {
  readonly revision: number
  readonly items: readonly Item[]
  /** Hands the next page; `undefined` on the last. */
  readonly next: string | undefined
  /** `undefined`: nobody has counted. */
  readonly remaining: number | undefined
}

/** Kubernetes' own: who has not asked for the next page by then begins again. */
const LIFE_MS = 5 * 60_000
/** Lists that are read in pages at one time: people and programs that list are few. */
const LISTS_MAX = 32
/** Items in all of these together, most of which share their memory with the mesh as it is. */
const ITEMS_MAX = 200_000

interface Held<Item> {
  /** What was asked: the next page must ask the same. */
  readonly question: string
  readonly revision: number
  readonly items: readonly Item[]
  readonly untilMs: number
}

/**
 * Lists in pages. What is left of a list is kept as it was when its first page was read, so that nothing is missed or told twice,
 * whatever is written meanwhile. What is kept is bounded in time and number; a list that was let go answers 410, and is begun again.
 */
export class Pages<Item> {
  readonly #clock: Clock
  readonly #held = new Map<string, Held<Item>>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** The first page of `list`; `limit` 0 is all of it. `question` tells what was asked, selectors and all. */
  first(
    question: string,
    list: { readonly revision: number; readonly items: readonly Item[] },
    limit: number,
  ): Page<Item> {
    return this.#page({ question, ...list, untilMs: this.#clock.nowMs() + LIFE_MS }, 0, limit)
  }

  /** The page that a `continue` names. */
  next(question: string, token: string, limit: number): Result<Page<Item>, Refusal> {
    const [id = '', position = ''] = token.split('.')
    if (!/^[0-9a-f-]{36}$/.test(id) || !/^[0-9]{1,9}$/.test(position)) {
      return err(NO_CONTINUE)
    }
    this.#forgetOld()
    const held = this.#held.get(id)
    if (held === undefined) return err(EXPIRED)
    if (held.question !== question) {
      const message =
        'Cannot use continue: it belongs to another list. Ask with the path and the selectors of its first page.'
      return err({ code: 400, message })
    }
    return ok(this.#page(held, Number(position), limit, id))
  }

  #page(held: Held<Item>, from: number, limit: number, id?: string): Page<Item> {
    const { revision, items } = held
    const to = limit === 0 ? items.length : Math.min(from + limit, items.length)
    const remaining = Math.max(0, items.length - to)
    const page = { revision, items: items.slice(from, to), remaining }
    if (remaining === 0) return { ...page, next: undefined }
    return { ...page, next: `${id ?? this.#keep(held)}.${to}` }
  }

  #keep(held: Held<Item>): string {
    this.#forgetOld()
    const id = randomUUID()
    this.#held.set(id, held)
    let items = 0
    for (const one of this.#held.values()) items += one.items.length
    // The oldest go first; the newest stays, however long it is.
    for (const [oldest, one] of this.#held) {
      if (oldest === id || (this.#held.size <= LISTS_MAX && items <= ITEMS_MAX)) break
      this.#held.delete(oldest)
      items -= one.items.length
    }
    return id
  }

  #forgetOld(): void {
    for (const [id, { untilMs }] of this.#held) if (untilMs <= this.#clock.nowMs()) this.#held.delete(id)
  }
}
