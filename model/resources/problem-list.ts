import type { ResourceProblem } from './problem.ts'

/** Faults that are worth reading; the rest is counted. */
const PROBLEMS_MAX = 100

/** What is wrong with one text. Keeps no more than anybody reads: a hostile text has as many faults as it has characters. */
export class ProblemList {
  readonly #kept: ResourceProblem[] = []
  #count = 0

  get isEmpty(): boolean {
    return this.#count === 0
  }

  /** `lineOf` is asked only for what is kept: it searches. */
  add(problem: ResourceProblem, lineOf: () => number | undefined = () => undefined): void {
    this.#count++
    if (this.#kept.length === PROBLEMS_MAX) return
    const line = problem.line ?? lineOf()
    this.#kept.push(line === undefined ? problem : { ...problem, line })
  }

  /** In the order of the text; last, how many more there are. */
  inReadingOrder(): ResourceProblem[] {
    const inOrder = this.#kept.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0))
    const more = this.#count - inOrder.length
    return more === 0 ? inOrder : [...inOrder, { resource: 'text', path: '', message: `has ${more} more problems` }]
  }
}
