import { describe, expect, it } from 'vitest'
import type { SpiffeId } from '../../common/mod.ts'
import { csrLimits } from './csr-limits.ts'

const id = (n: number): SpiffeId => `spiffe://mesh.example/ns/a/sa/s${n}` as SpiffeId

describe('the limits on signing', () => {
  it('let ten replicas of one identity in at once, and then one a second', () => {
    const limits = csrLimits()
    for (let n = 0; n < 10; n++) expect(limits.take(id(1), 1000)).toBe(true)
    expect(limits.take(id(1), 1000)).toBe(false)
    expect(limits.take(id(1), 1999)).toBe(false)
    expect(limits.take(id(1), 2000)).toBe(true)
    expect(limits.take(id(1), 2000)).toBe(false)
  })

  it('let fifty a second in over all identities', () => {
    const limits = csrLimits()
    for (let n = 0; n < 50; n++) expect(limits.take(id(n), 1000)).toBe(true)
    expect(limits.take(id(50), 1000)).toBe(false)
    expect(limits.take(id(50), 1020)).toBe(true)
    expect(limits.take(id(51), 1020)).toBe(false)
  })

  it('keep an identity that asks too often from using up what others share', () => {
    const limits = csrLimits()
    for (let n = 0; n < 1000; n++) limits.take(id(1), 1000)
    expect(limits.take(id(2), 1000)).toBe(true)
  })

  it('never let a bucket grow beyond its size, however long nobody asks', () => {
    const limits = csrLimits()
    limits.take(id(1), 0)
    let taken = 0
    while (limits.take(id(1), 1e9)) taken++
    expect(taken).toBe(10)
  })

  it('remember the ten thousand identities seen last', () => {
    const limits = csrLimits()
    for (let n = 0; n < 10; n++) expect(limits.take(id(0), 0)).toBe(true)
    for (let n = 1; n < 10_000; n++) limits.take(id(n), 1)
    expect(limits.take(id(0), 2)).toBe(false)
    for (let n = 10_000; n < 20_000; n++) limits.take(id(n), 3)
    // Forgotten by now, and so fresh; a second later the whole control plane's bucket has room again.
    expect(limits.take(id(0), 900)).toBe(true)
    expect(limits.take(id(0), 901)).toBe(true)
  })
})
