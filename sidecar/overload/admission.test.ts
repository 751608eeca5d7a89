import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type AdmissionFacts,
  acceptedMax,
  descriptorsAreScarce,
  readDescriptorsMax,
  refusalReason,
} from './admission.ts'
import { Refusals } from './refusals.ts'

const PLENTY: AdmissionFacts = {
  ...{ connectionsMax: 1_000, descriptorsMax: Number.POSITIVE_INFINITY, elsewhere: 0, made: 0, memoryIsShort: false },
}

describe('[LOAD-2] connections from callers', () => {
  test('are as many as is said, where descriptors suffice', () => {
    expect(acceptedMax(PLENTY)).toBe(1_000)
    expect(refusalReason(PLENTY)).toBe('limit')
  })

  test('take half of the descriptors that are not our own, at both doors together', () => {
    const scarce = { ...PLENTY, descriptorsMax: 128 + 400 }
    expect(acceptedMax(scarce)).toBe(200)
    expect(acceptedMax({ ...scarce, elsewhere: 150 })).toBe(50)
    expect(acceptedMax({ ...scarce, made: 300 })).toBe(100)
    expect(refusalReason(scarce)).toBe('descriptors')
  })

  test('are few, and not none, where nearly no descriptor is', () => {
    expect(acceptedMax({ ...PLENTY, descriptorsMax: 64 })).toBe(8)
    expect(acceptedMax({ ...PLENTY, descriptorsMax: 528, elsewhere: 200 })).toBe(8)
  })

  test('[LOAD-3] are none while memory is short', () => {
    expect(acceptedMax({ ...PLENTY, memoryIsShort: true })).toBe(0)
    expect(refusalReason({ ...PLENTY, memoryIsShort: true })).toBe('memory')
  })

  test('take more than half where there are many: ten thousand fit into twenty', () => {
    expect(acceptedMax({ ...PLENTY, connectionsMax: 16_384, descriptorsMax: 20_000 })).toBe(20_000 - 128 - 4_096)
  })

  test('leave a connection to somewhere for each of them, or for as many as four breakers allow', () => {
    fc.assert(
      fc.property(fc.nat(20_000), fc.nat(5_000), fc.nat(5_000), (more, elsewhere, made) => {
        const descriptorsMax = 256 + more
        const max = acceptedMax({ ...PLENTY, connectionsMax: 100_000, descriptorsMax, elsewhere, made })
        const left = descriptorsMax - 128 - max - elsewhere
        if (max > 8) expect(left).toBeGreaterThanOrEqual(Math.min(max + elsewhere, 4_096))
        if (max > 8) expect(128 + max + elsewhere + made).toBeLessThanOrEqual(descriptorsMax)
      }),
    )
  })

  test('that idle are closed when three quarters are in use', () => {
    expect(descriptorsAreScarce({ descriptorsMax: 528, made: 100 }, 199)).toBe(false)
    expect(descriptorsAreScarce({ descriptorsMax: 528, made: 100 }, 200)).toBe(true)
    expect(descriptorsAreScarce({ descriptorsMax: Number.POSITIVE_INFINITY, made: 1e6 }, 1e6)).toBe(false)
  })
})

test('[LOAD-2] the limit of descriptors is what the kernel says, or not known', () => {
  const limits =
    'Limit   Soft Limit  Hard Limit  Units\nMax processes  96  96  processes\nMax open files            256                  1024                 files\n'
  expect(readDescriptorsMax(path => (path === '/proc/self/limits' ? limits : undefined))).toBe(256)
  expect(readDescriptorsMax(() => undefined)).toBe(Number.POSITIVE_INFINITY)
  expect(readDescriptorsMax(() => undefined, 300)).toBe(300)
  expect(readDescriptorsMax(() => limits.replace('256', 'unlimited'))).toBe(Number.POSITIVE_INFINITY)
})

test('[LOAD-2] refused connections are counted each, and told of once until none came for five seconds', () => {
  let nowMs = 0
  const lines: unknown[] = []
  const log = {
    info: (fields: object, message: string) => void lines.push([fields, message]),
    warn: (fields: object, message: string) => void lines.push([fields, message]),
  }
  const refusals = new Refusals(() => nowMs, log)
  for (let i = 0; i < 100; i++) refusals.note('outbound', 'descriptors')
  refusals.note('inbound', 'memory')
  nowMs = 4_000
  refusals.note('outbound', 'descriptors')
  nowMs = 8_999
  refusals.tick()
  expect(lines).toEqual([
    [
      { direction: 'outbound', reason: 'descriptors' },
      expect.stringMatching(/^Cannot accept connections: .*ulimit -n/),
    ],
  ])
  nowMs = 9_000
  refusals.tick()
  refusals.tick()
  expect(lines.slice(1)).toEqual([
    [{ direction: 'outbound', reason: 'descriptors', refused: 101 }, 'Connections are accepted again'],
  ])
  expect([...refusals.counts.values()]).toEqual([
    { direction: 'outbound', reason: 'descriptors', count: 101 },
    { direction: 'inbound', reason: 'memory', count: 1 },
  ])
  refusals.note('outbound', 'descriptors')
  expect(lines).toHaveLength(3)
})
