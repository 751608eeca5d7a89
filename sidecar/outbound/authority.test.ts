import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Authorities } from './authority.ts'

const read = (authority: string) => new Authorities('shop').read(authority)

test.each([
  ['reviews', 'shop/reviews', 'reviews', undefined],
  ['Reviews:8080', 'shop/reviews', 'reviews', 8080],
  ['reviews.', 'shop/reviews', 'reviews', undefined],
  ['reviews.other:80', 'other/reviews', 'reviews.other', 80],
  ['reviews.other.svc', 'other/reviews', 'reviews.other.svc', undefined],
  ['reviews.other.svc.cluster.local.:1', 'other/reviews', 'reviews.other.svc.cluster.local', 1],
  ['www.example.com', undefined, 'www.example.com', undefined],
  ['10.0.0.1:80', undefined, '10.0.0.1', 80],
  ['[::1]:8080', undefined, '::1', 8080],
  ['[::FFFF:1.2.3.4]', undefined, '::ffff:1.2.3.4', undefined],
  ['', undefined, '', undefined],
])('[AUTHZ-4] %j', (authority, service, host, port) => {
  expect(read(authority)).toEqual({ service, host, port })
})

describe('authorities', () => {
  test('are read once', () => {
    const authorities = new Authorities('shop')
    expect(authorities.read('a:1')).toBe(authorities.read('a:1'))
  })

  test('[LOAD-6] are remembered within a bound, and read right beyond it', () => {
    const authorities = new Authorities('shop')
    const first = authorities.read('s0')
    for (let i = 1; i <= 4_096; i++) expect(authorities.read(`s${i}`).service).toBe(`shop/s${i}`)
    expect(authorities.read('s0')).not.toBe(first)
    expect(authorities.read('s0')).toEqual(first)
  })

  test('never throw, and give hosts in lower case', () => {
    fc.assert(
      fc.property(fc.string(), authority => {
        const { host } = read(authority)
        expect(host).toBe(host.toLowerCase())
      }),
    )
  })
})
