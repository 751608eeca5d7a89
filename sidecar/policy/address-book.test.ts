import { describe, expect, test } from 'vitest'
import type { ServiceKey } from '../../common/mod.ts'
import type { AddressOwner } from '../../model/snapshot/mod.ts'
import { AddressBook } from './address-book.ts'

const REVIEWS: AddressOwner = { kind: 'service', service: 'shop/reviews' as ServiceKey }
const NOBODY: AddressOwner = { kind: 'nobody' }

function book({ answers = true } = {}) {
  const now = { ms: 1_000_000 }
  const asked: string[] = []
  const learnt: string[] = []
  const pending = new Map<string, (owner: AddressOwner) => void>()
  const addresses = new AddressBook({
    nowMs: () => now.ms,
    ask: (address, found) => {
      if (!answers) return false
      asked.push(address)
      pending.set(address, found)
      return true
    },
    learnt: address => learnt.push(address),
  })
  return {
    addresses,
    asked,
    learnt,
    now,
    answer: (address: string, owner: AddressOwner) => pending.get(address)?.(owner),
  }
}

describe('whose an address is', () => {
  test('is asked once, and known when the answer is there', () => {
    const { addresses, asked, learnt, answer } = book()
    expect(addresses.lookup('10.0.0.1')).toEqual({ kind: 'unknown', asked: true })
    expect(addresses.lookup('10.0.0.1')).toEqual({ kind: 'unknown', asked: true })
    expect(asked).toEqual(['10.0.0.1'])
    answer('10.0.0.1', REVIEWS)
    expect(learnt).toEqual(['10.0.0.1'])
    expect(addresses.lookup('10.0.0.1')).toEqual({ kind: 'known', owner: REVIEWS })
  })

  test('is known at once from a source that answers at once', () => {
    const addresses: AddressBook = new AddressBook({
      nowMs: () => 5_000,
      ask: (_address, found) => {
        found(NOBODY)
        return true
      },
      learnt: () => undefined,
    })
    expect(addresses.lookup('10.0.0.1')).toEqual({ kind: 'known', owner: NOBODY })
  })

  test('is asked again after ten seconds, and the old answer holds until the new one is there', () => {
    const { addresses, asked, learnt, now, answer } = book()
    addresses.lookup('10.0.0.1')
    answer('10.0.0.1', NOBODY)
    now.ms += 9_999
    addresses.lookup('10.0.0.1')
    expect(asked).toHaveLength(1)
    now.ms += 1
    expect(addresses.lookup('10.0.0.1')).toEqual({ kind: 'known', owner: NOBODY })
    expect(asked).toHaveLength(2)
    answer('10.0.0.1', REVIEWS)
    expect(addresses.lookup('10.0.0.1')).toEqual({ kind: 'known', owner: REVIEWS })
    // Nobody waited.
    expect(learnt).toHaveLength(1)
  })

  test('is asked again after a second when the question was lost', () => {
    const { addresses, asked, now } = book()
    addresses.lookup('10.0.0.1')
    now.ms += 999
    addresses.lookup('10.0.0.1')
    expect(asked).toHaveLength(1)
    now.ms += 1
    addresses.lookup('10.0.0.1')
    expect(asked).toHaveLength(2)
  })

  test('will not be told where nobody can be asked, and the next asks anew', () => {
    const { addresses } = book({ answers: false })
    expect(addresses.lookup('10.0.0.1')).toEqual({ kind: 'unknown', asked: false })
    expect(addresses.lookup('10.0.0.1')).toEqual({ kind: 'unknown', asked: false })
  })

  test('is forgotten, the oldest first, when an application goes through thousands', () => {
    const { addresses, asked, answer } = book()
    for (let i = 0; i < 5_000; i++) {
      addresses.lookup(`10.0.${i >> 8}.${i & 255}`)
      answer(`10.0.${i >> 8}.${i & 255}`, NOBODY)
    }
    expect(addresses.lookup('10.0.19.135')).toEqual({ kind: 'known', owner: NOBODY })
    expect(addresses.lookup('10.0.0.0')).toEqual({ kind: 'unknown', asked: true })
    expect(asked).toHaveLength(5_001)
  })
})
