import type { Committed } from './store.ts'

/** Commits that one turn of the event loop hands to a watcher which is behind: a long past must not hold up what goes on now. */
const COMMITS_PER_TURN = 64

export interface CommitFeedOptions {
  /** The first commit after a revision; `undefined` when there is none. Read at once, so that nothing is committed in between. */
  readonly next: (afterRevision: number) => Committed | undefined
  /** Told of what a listener threw. */
  readonly failed: (error: unknown) => void
}

/**
 * Hands commits to those who listen, in order. One that asks for the past is led through it page by page, and joins the others in the
 * same turn in which nothing is left: no gap, no repeat. What a listener throws is its own business.
 */
export class CommitFeed {
  readonly #options: CommitFeedOptions
  readonly #live = new Set<(committed: Committed) => void>()
  /** Watchers that are still in the past, with the revision that each has got to. */
  readonly #behind = new Map<(committed: Committed) => void, number>()
  readonly #untold: Committed[] = []
  #telling = false

  constructor(options: CommitFeedOptions) {
    this.#options = options
  }

  /** Changes up to this revision may be forgotten; later ones are still to be handed out. */
  get neededAfter(): number {
    return Math.min(Number.POSITIVE_INFINITY, ...this.#behind.values())
  }

  /** From the next commit on. Returns the function that ends it. */
  follow(listener: (committed: Committed) => void): () => void {
    const one = (committed: Committed): void => listener(committed)
    this.#live.add(one)
    return () => this.#live.delete(one)
  }

  /** From the commit after `revision` on; the first call of `listener` is in a later turn of the event loop. */
  followFrom(revision: number, listener: (committed: Committed) => void): () => void {
    const one = (committed: Committed): void => listener(committed)
    this.#behind.set(one, revision)
    setImmediate(() => this.#catchUp(one))
    return () => {
      this.#behind.delete(one)
      this.#live.delete(one)
    }
  }

  /** After a commit. One that a listener itself makes is told when all have heard of the one before. */
  tell(committed: Committed): void {
    this.#untold.push(committed)
    if (this.#telling) return
    this.#telling = true
    for (let next = this.#untold.shift(); next !== undefined; next = this.#untold.shift()) {
      for (const listener of this.#live) this.#call(listener, next)
    }
    this.#telling = false
  }

  close(): void {
    this.#behind.clear()
    this.#live.clear()
  }

  #catchUp(one: (committed: Committed) => void): void {
    for (let i = 0; i < COMMITS_PER_TURN; i++) {
      const position = this.#behind.get(one)
      // It has ended, or its own listener ended it.
      if (position === undefined) return
      const committed = this.#options.next(position)
      if (committed === undefined) {
        this.#behind.delete(one)
        this.#live.add(one)
        return
      }
      this.#behind.set(one, committed.revision)
      this.#call(one, committed)
    }
    setImmediate(() => this.#catchUp(one))
  }

  #call(listener: (committed: Committed) => void, committed: Committed): void {
    try {
      listener(committed)
    } catch (error) {
      this.#options.failed(error)
    }
  }
}
