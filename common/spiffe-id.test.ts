import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseSpiffeId, parseTrustDomain, type SpiffeId, trustDomainOf, workloadOf, workloadSpiffeId } from './mod.ts'

const id = (text: string) => parseSpiffeId(text)

describe('a SPIFFE ID', () => {
  test.each([
    ['spiffe://td', 'spiffe://td'],
    ['spiffe://td/a', 'spiffe://td/a'],
    ['spiffe://td.example_1-2/ns/shop/sa/a', 'spiffe://td.example_1-2/ns/shop/sa/a'],
    ['SPIFFE://td/A', 'spiffe://td/A'],
    ['spiffe://TD/a', 'spiffe://td/a'],
    ['spiffe://td/...', 'spiffe://td/...'],
    ['spiffe://td/a.b_c-D9', 'spiffe://td/a.b_c-D9'],
    ['spiffe://1.2.3.4/a', 'spiffe://1.2.3.4/a'],
  ])('%s', (text, value) => {
    expect(id(text)).toEqual({ ok: true, value })
  })

  test.each([
    '',
    'td/a',
    'http://td/a',
    'spiffe:/td/a',
    'spiffe://',
    'spiffe:///a',
    'spiffe://td/',
    'spiffe://td//a',
    'spiffe://td/a/',
    'spiffe://td/.',
    'spiffe://td/..',
    'spiffe://td/a/../b',
    'spiffe://td/a?b',
    'spiffe://td/a#b',
    'spiffe://td/a%2fb',
    'spiffe://td:80/a',
    'spiffe://u@td/a',
    'spiffe://[::1]/a',
    'spiffe://td/a b',
    'spiffe://td/a\n',
    'spiffe://td/é',
    'spiffe://tdé/a',
    ' spiffe://td/a',
    'spiffe://td\0/a',
    `spiffe://${'x'.repeat(256)}/a`,
    `spiffe://td/${'x'.repeat(2_048)}`,
  ])('%j is none', text => {
    expect(id(text)).toMatchObject({ ok: false })
  })

  test('has at most 2048 bytes', () => {
    const longest = `spiffe://td/${'x'.repeat(2_048 - 12)}`
    expect(id(longest).ok).toBe(true)
    expect(id(`${longest}x`).ok).toBe(false)
  })

  test('that was read is read again as itself; reading never throws', () => {
    const text = fc.oneof(
      fc.string(),
      fc.string({ unit: fc.constantFrom(...'aA1/._-%') }).map(rest => `spiffe://${rest}`),
    )
    fc.assert(
      fc.property(text, each => {
        const first = id(each)
        if (first.ok) expect(id(first.value)).toEqual(first)
      }),
    )
  })
})

describe('the ID of a workload', () => {
  const domain = parseTrustDomain('mesh.example')
  if (!domain.ok) throw new Error(domain.error)

  test('holds its namespace and service account, and is a SPIFFE ID', () => {
    const own = workloadSpiffeId(domain.value, 'shop', 'reviews')
    expect(id(own)).toEqual({ ok: true, value: 'spiffe://mesh.example/ns/shop/sa/reviews' })
    expect(workloadOf(own)).toEqual({ namespace: 'shop', serviceAccount: 'reviews' })
    expect(trustDomainOf(own)).toBe('mesh.example')
  })

  test.each([
    'spiffe://td',
    'spiffe://td/ns/shop',
    'spiffe://td/sa/a/ns/shop',
    'spiffe://td/ns/shop/sa/a/b',
    'spiffe://td/x/ns/shop/sa/a',
  ])('%s is of another form', text => {
    expect(workloadOf(text as SpiffeId)).toBeUndefined()
    expect(trustDomainOf(text as SpiffeId)).toBe('td')
  })
})

test.each(['', 'A', 'a/b', 'a b', 'x'.repeat(256), 'a:1', 'a\n'])('%j is no trust domain', text => {
  expect(parseTrustDomain(text)).toMatchObject({ ok: false })
})
