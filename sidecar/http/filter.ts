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

type Hooks<K extends 'request' | 'rescue' | 'response' | 'end'> = readonly Filter[K][]

/**
 * A visible list of filters with something at its end that carries the exchange out. Built once; running it allocates nothing. The
 * hooks are laid out side by side, because a look-up in objects of many shapes is what would cost most of it.
 */
export class Stack {
  private readonly requests: Hooks<'request'>
  private readonly rescues: Hooks<'rescue'>
  private readonly responses: Hooks<'response'>
  private readonly ends: Hooks<'end'>
  private readonly carry: (x: Exchange) => void

  /** The filters' hooks are called as functions, without `this`. */
  constructor(filters: readonly Filter[], carry: (x: Exchange) => void) {
    this.requests = filters.map(filter => filter.request)
    this.rescues = filters.map(filter => filter.rescue)
    this.responses = filters.map(filter => filter.response)
    this.ends = filters.map(filter => filter.end)
    this.carry = carry
  }

  begin(x: Exchange): void {
    x.stack = this
    this.proceed(x)
  }

  /** Goes on with the filter after the one that waited. */
  proceed(x: Exchange): void {
    const { requests } = this
    while (x.position < requests.length) {
      const hook = requests[x.position++]
      if (hook !== undefined && hook(x) !== 'next') return
    }
    if (x.progress === 'waiting') this.carry(x)
  }

  unwind(x: Exchange, head: ResponseHead): void {
    const { responses } = this
    for (let i = x.position - 1; i >= 0; i--) {
      const hook = responses[i]
      if (hook !== undefined) hook(x, head)
    }
  }

  rescue(x: Exchange, cause: Cause, detail: string): void {
    for (let i = x.position - 1; i >= 0; i--) {
      const hook = this.rescues[i]
      if (hook !== undefined) {
        hook(x, cause, detail)
        return
      }
    }
    assert(false, 'a stack has a rescue before anything that can fail')
  }

  ended(x: Exchange): void {
    const { ends } = this
    for (let i = x.position - 1; i >= 0; i--) {
      const hook = ends[i]
      if (hook !== undefined) hook(x)
    }
  }
}
