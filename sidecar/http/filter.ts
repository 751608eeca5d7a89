import { assert, type Cause } from '../../common/mod.ts'
import type { Exchange } from './exchange.ts'
import type { ResponseHead } from './head.ts'

/** `wait`: the filter calls `stack.proceed` later. `done`: the filter has answered. */
export type Verdict = 'next' | 'wait' | 'done'

/** One step of a stack. Hooks get the exchange on its way in, the answer's head on its way out, and the end of it all. */
export interface Filter {
  readonly name: string
  request?(x: Exchange): Verdict
  /** Turns a cause into an answer; the innermost filter that has it is asked. */
  rescue?(x: Exchange, cause: Cause, detail: string): void
  response?(x: Exchange, head: ResponseHead): void
  end?(x: Exchange): void
}

/** A visible list of filters with something at its end that carries the exchange out. Built once; running it allocates nothing. */
export class Stack {
  private readonly filters: readonly Filter[]
  private readonly carry: (x: Exchange) => void

  constructor(filters: readonly Filter[], carry: (x: Exchange) => void) {
    this.filters = filters
    this.carry = carry
  }

  begin(x: Exchange): void {
    x.stack = this
    this.proceed(x)
  }

  /** Goes on with the filter after the one that waited. */
  proceed(x: Exchange): void {
    const { filters } = this
    while (x.position < filters.length) {
      const filter = filters[x.position++]!
      if (filter.request !== undefined && filter.request(x) !== 'next') return
    }
    if (x.progress === 'waiting') this.carry(x)
  }

  unwind(x: Exchange, head: ResponseHead): void {
    for (let i = x.position - 1; i >= 0; i--) this.filters[i]!.response?.(x, head)
  }

  rescue(x: Exchange, cause: Cause, detail: string): void {
    for (let i = x.position - 1; i >= 0; i--) {
      const filter = this.filters[i]!
      if (filter.rescue !== undefined) {
        filter.rescue(x, cause, detail)
        return
      }
    }
    assert(false, 'a stack has a rescue before anything that can fail')
  }

  ended(x: Exchange): void {
    for (let i = x.position - 1; i >= 0; i--) this.filters[i]!.end?.(x)
  }
}
