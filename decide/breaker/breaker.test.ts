import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  admitConnection,
  admitPending,
  admitRequest,
  type BreakerLimits,
  BreakerState,
  releaseConnection,
  releasePending,
  releaseRequest,
} from './mod.ts'

const kinds = {
  requests: { admit: admitRequest, release: releaseRequest, limit: 'requestsMax' },
  pending: { admit: admitPending, release: releasePending, limit: 'pendingMax' },
  connections: { admit: admitConnection, release: releaseConnection, limit: 'connectionsMax' },
} as const

type Kind = keyof typeof kinds

function limits(all: number): BreakerLimits {
  return { requestsMax: all, pendingMax: all, connectionsMax: all }
}

describe.each(Object.keys(kinds) as Kind[])('the limit of %s', kind => {
  const { admit, release, limit } = kinds[kind]

  test('admits up to the limit, then again after a release', () => {
    const state = new BreakerState()
    expect([1, 2, 3].map(() => admit(state, limits(2)))).toEqual([true, true, false])
    release(state)
    expect(admit(state, limits(2))).toBe(true)
    expect(admit(state, limits(2))).toBe(false)
  })

  test('a limit of 0 admits nothing', () => {
    expect(admit(new BreakerState(), limits(0))).toBe(false)
  })

  test('a limit that is lowered admits nothing until enough is released', () => {
    const state = new BreakerState()
    for (let i = 0; i < 3; i++) admit(state, limits(3))
    release(state)
    expect(admit(state, limits(2))).toBe(false)
    release(state)
    expect(admit(state, limits(2))).toBe(true)
  })

  test('a release too many is nothing', () => {
    const state = new BreakerState()
    release(state)
    expect(state[kind]).toBe(0)
    expect(admit(state, limits(1))).toBe(true)
  })

  test('does not touch the others', () => {
    const state = new BreakerState()
    admit(state, { ...limits(0), [limit]: 1 })
    expect(state.requests + state.pending + state.connections).toBe(1)
  })
})

// The model: a list of those admitted, for each kind.
interface Model {
  readonly requests: true[]
  readonly pending: true[]
  readonly connections: true[]
}

class Admit implements fc.Command<Model, BreakerState> {
  readonly kind: Kind
  readonly max: number

  constructor(kind: Kind, max: number) {
    this.kind = kind
    this.max = max
  }

  check(): boolean {
    return true
  }

  run(model: Model, state: BreakerState): void {
    const expected = model[this.kind].length < this.max
    expect(kinds[this.kind].admit(state, limits(this.max))).toBe(expected)
    if (expected) model[this.kind].push(true)
    expect(state[this.kind]).toBe(model[this.kind].length)
  }

  toString(): string {
    return `admit ${this.kind} up to ${this.max}`
  }
}

class Release implements fc.Command<Model, BreakerState> {
  readonly kind: Kind

  constructor(kind: Kind) {
    this.kind = kind
  }

  check(): boolean {
    return true
  }

  run(model: Model, state: BreakerState): void {
    kinds[this.kind].release(state)
    model[this.kind].pop()
    expect(state[this.kind]).toBe(model[this.kind].length)
  }

  toString(): string {
    return `release ${this.kind}`
  }
}

test('any order of admissions and releases, under limits that change, agrees with a list of those admitted', () => {
  const kind = fc.constantFrom<Kind>('requests', 'pending', 'connections')
  const commands = fc.commands([
    fc.tuple(kind, fc.integer({ min: 0, max: 4 })).map(([each, max]) => new Admit(each, max)),
    kind.map(each => new Release(each)),
  ])
  fc.assert(
    fc.property(commands, list => {
      fc.modelRun(() => ({ model: { requests: [], pending: [], connections: [] }, real: new BreakerState() }), list)
    }),
  )
})
