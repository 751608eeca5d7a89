import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { matched, query, request } from './routes.fixture.ts'

describe('query parameters', () => {
  test.each([
    ['a=1', 'a', '1', true],
    ['b=2&a=1', 'a', '1', true],
    ['a=2&a=1', 'a', '1', false],
    ['a=1&a=2', 'a', '1', true],
    ['A=1', 'a', '1', false],
    ['aa=1', 'a', '1', false],
    ['a', 'a', '', true],
    ['a=', 'a', '', true],
    ['a&b', 'b', '', true],
    ['', 'a', '', false],
    ['&&a=1', 'a', '1', true],
    ['=1', 'a', '1', false],
    ['a=1=2', 'a', '1=2', true],
    ['a=x+y', 'a', 'x y', true],
    ['a=x%20y', 'a', 'x y', true],
    ['a=x%2By', 'a', 'x+y', true],
    ['%61=1', 'a', '1', true],
    ['a=%C3%A9', 'a', 'é', true],
    ['a=%c3%a9', 'a', 'é', true],
    ['a=%252f', 'a', '%2f', true],
    ['a=%252f', 'a', '/', false],
    ['a=%4', 'a', '@', false],
    ['a=%zz', 'a', '%zz', false],
    ['%zz=1&a=1', 'a', '1', true],
    ['a=1;b=2', 'b', '2', false],
  ])('query %s against %s=%s: %s', (text, name, value, expected) => {
    expect(matched([query(name, value)], request(`/?${text}`))).toBe(expected ? '#0' : 'no-match')
  })

  test('a regex sees the decoded value, and a broken escape matches nothing', () => {
    expect(matched([query('a', '[a-z ]+', 'regex')], request('/?a=x+y'))).toBe('#0')
    expect(matched([query('a', '.*', 'regex')], request('/?a=%4'))).toBe('no-match')
  })

  test('decodes as URLSearchParams does, first of a name', () => {
    const piece = fc.stringMatching(/^([ab=+;]|%3[0-9]|%C3%A9){0,6}$/)
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 5 }), fc.constantFrom('a', 'b', 'é', '1'), (pieces, name) => {
        const text = pieces.join('&')
        const value = new URLSearchParams(text).get(name)
        const asked = request(`/?${text}`)
        expect(matched([query(name, value ?? '')], asked)).toBe(value === null ? 'no-match' : '#0')
      }),
    )
  })
})
