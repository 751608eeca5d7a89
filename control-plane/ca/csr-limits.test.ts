import { describe, expect, it } from 'vitest'
import type { SpiffeId } from '../../common/mod.ts'
import { csrLimits } from './csr-limits.ts'

const id = (n: number): SpiffeId => `spiffe://mesh.example/ns/a/sa/s${n}` as SpiffeId

describe('the limits on signing [API-4]', () => {
  it('let one workload in five times at once, and then once a second', () => {
    const limits = csrLimits()
    for (let n = 0; n < 5; n++) expect(limits.take(id(1), 'a/w', 1000)).toBe(true)
    expect(limits.take(id(1), 'a/w', 1000)).toBe(false)
    expect(limits.take(id(1), 'a/w', 1999)).toBe(false)
    expect(limits.take(id(1), 'a/w', 2000)).toBe(true)
    expect(limits.take(id(1), 'a/w', 2000)).toBe(false)
  })

  it('let fifty replicas of one identity in within a second', () => {
    const limits = csrLimits()
    const waiting = Array.from({ length: 50 }, (_, n) => `a/w-${n}`)
    let nowMs = 0
    for (; waiting.length > 0 && nowMs < 10_000; nowMs += 50) {
      for (const workload of waiting.splice(0)) if (!limits.take(id(1), workload, nowMs)) waiting.push(workload)
    }
    expect(waiting).toEqual([])
    expect(nowMs).toBeLessThan(1_000)
  })

  it('let one identity in forty times at once and twenty times a second, whatever names it makes up', () => {
    const limits = csrLimits()
    let taken = 0
    for (let n = 0; n < 1_000; n++) if (limits.take(id(1), `a/made-up-${n}`, 0)) taken++
    expect(taken).toBe(40)
    for (let n = 0; n < 1_000; n++) if (limits.take(id(1), `a/again-${n}`, 1_000)) taken++
    expect(taken).toBe(60)
  })

  it('let fifty a second in over all identities', () => {
    const limits = csrLimits()
    for (let n = 0; n < 50; n++) expect(limits.take(id(n), '', 1000)).toBe(true)
    expect(limits.take(id(50), '', 1000)).toBe(false)
    expect(limits.take(id(50), '', 1020)).toBe(true)
    expect(limits.take(id(51), '', 1020)).toBe(false)
  })

  it('keep who asks too often from using up what others share', () => {
    const limits = csrLimits()
    for (let n = 0; n < 1000; n++) limits.take(id(1), 'a/w', 1000)
    expect(limits.take(id(1), 'a/another', 1000)).toBe(true)
    for (let n = 0; n < 1000; n++) limits.take(id(1), `a/w-${n}`, 1000)
    expect(limits.take(id(2), 'a/w', 1000)).toBe(true)
  })

  it('never let a bucket grow beyond its size, however long nobody asks', () => {
    const limits = csrLimits()
    limits.take(id(1), 'a/w', 0)
    let taken = 0
    while (limits.take(id(1), 'a/w', 1e9)) taken++
    expect(taken).toBe(5)
  })

  it('remember the ten thousand identities seen last', () => {
    const limits = csrLimits()
    for (let n = 0; n < 40; n++) limits.take(id(0), `a/w-${n}`, 0)
    expect(limits.take(id(0), 'a/x', 1)).toBe(false)
    for (let n = 1; n <= 10_000; n++) limits.take(id(n), '', 2)
    // Forgotten by now, and so fresh: a bucket that was empty just now would not have forty.
    let taken = 0
    for (let n = 0; n < 40; n++) if (limits.take(id(0), `a/y-${n}`, 1_002)) taken++
    expect(taken).toBe(40)
  })
})
