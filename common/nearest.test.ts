import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { didYouMean, nearestName } from './nearest.ts'

const KNOWN = ['matches', 'filters', 'backendRefs', 'timeouts', 'retry', 'name']

describe('the nearest known name', () => {
  test.each([
    ['backendRef', 'backendRefs'],
    ['bakcendRefs', 'backendRefs'],
    ['BackendRefs', 'backendRefs'],
    ['match', 'matches'],
    ['timeout', 'timeouts'],
    ['nmae', 'name'],
  ])('%s means %s', (word, meant) => {
    expect(nearestName(word, KNOWN)).toBe(meant)
  })

  test.each(['sessionPersistence', 'xyz', '', 'q'])('%j means nothing that is known', word => {
    expect(nearestName(word, KNOWN)).toBeUndefined()
    expect(didYouMean(word, KNOWN)).toBe('')
  })

  test('a part of a known name means that name', () => {
    expect(nearestName('Prefix', ['Exact', 'PathPrefix'])).toBe('PathPrefix')
  })

  test('a known name means itself, whatever else is known', () => {
    const name = fc.stringMatching(/^[a-z]{4,20}$/)
    fc.assert(fc.property(name, fc.array(name), (word, others) => nearestName(word, [...others, word]) === word))
  })

  test('a very long word is not compared at all', () => {
    expect(nearestName('a'.repeat(1_000_000), ['a'.repeat(999_999)])).toBeUndefined()
  })
})
