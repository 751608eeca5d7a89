import { describe, expect, it } from 'vitest'
import { type WorkloadKey, workloadKey } from '../../common/mod.ts'
import type { WorkloadResource } from '../../model/resources/mod.ts'
import { lostLeases } from './lost-leases.ts'

const resource = {} as WorkloadResource
const key = (i: number): WorkloadKey => workloadKey('ns', `w-${i}`)

function fleetOf(count: number) {
  const clock = { nowMs: 0 }
  const leases = lostLeases(() => clock.nowMs)
  for (let i = 0; i < count; i++) leases.serves(key(i), resource)
  leases.settle()
  const end = (from: number, to: number): boolean => {
    for (let i = from; i < to; i++) leases.ended(key(i))
    return leases.settle()
  }
  return { clock, leases, end, withheld: () => leases.withheld().size }
}

describe('[DISC-5] workloads that vanish', () => {
  it('are withheld, all of them, when they are most of those that served', () => {
    const { end, withheld, leases } = fleetOf(20)
    expect(end(0, 20)).toBe(true)
    expect(withheld()).toBe(20)
    expect(leases.serving()).toBe(0)
  })

  it('are let go when they are fewer than half, or few', () => {
    const many = fleetOf(30)
    expect(many.end(0, 15)).toBe(false)
    expect(many.withheld()).toBe(0)
    const few = fleetOf(9)
    expect(few.end(0, 9)).toBe(false)
    expect(few.withheld()).toBe(0)
  })

  it('are counted over ten seconds, and those that went first come back', () => {
    const { clock, end, withheld } = fleetOf(20)
    end(0, 6)
    clock.nowMs = 9_000
    expect(end(6, 10)).toBe(false)
    expect(end(10, 11)).toBe(true)
    expect(withheld()).toBe(11)
    const slow = fleetOf(20)
    slow.end(0, 6)
    slow.clock.nowMs = 11_000
    slow.end(6, 12)
    expect(slow.withheld()).toBe(0)
  })

  it('are no loss when they said so before', () => {
    const { leases, end, withheld } = fleetOf(20)
    for (let i = 0; i < 20; i++) leases.rests(key(i))
    expect(end(0, 20)).toBe(false)
    expect(withheld()).toBe(0)
  })

  it('are withheld no longer once they serve again', () => {
    const { leases, end, withheld } = fleetOf(20)
    end(0, 20)
    leases.serves(key(3), resource)
    expect(leases.settle()).toBe(true)
    expect(withheld()).toBe(19)
    for (let i = 0; i < 20; i++) leases.serves(key(i), resource)
    leases.settle()
    expect(leases.sinceMs()).toBeUndefined()
  })

  it('join those that are withheld when they vanish later', () => {
    const { clock, end, withheld } = fleetOf(20)
    end(0, 15)
    clock.nowMs = 60_000
    end(15, 16)
    expect(withheld()).toBe(16)
  })

  it('are let go when most others serve, but not before they had time to come back', () => {
    const { clock, leases, end, withheld } = fleetOf(20)
    end(0, 20)
    for (let i = 100; i < 130; i++) leases.serves(key(i), resource)
    clock.nowMs = 29_999
    expect(leases.settle()).toBe(false)
    expect(withheld()).toBe(20)
    clock.nowMs = 30_000
    expect(leases.settle()).toBe(true)
    expect(withheld()).toBe(0)
  })

  it('are let go by a person, and the next loss counts anew', () => {
    const { leases, end, withheld } = fleetOf(40)
    end(0, 30)
    leases.release()
    expect(leases.settle()).toBe(true)
    expect(withheld()).toBe(0)
    end(30, 35)
    expect(withheld()).toBe(0)
  })
})
