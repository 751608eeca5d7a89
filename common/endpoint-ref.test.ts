import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  appPortOfSni,
  endpointKey,
  isDnsLabel,
  parsePort,
  parseServiceKey,
  serviceKey,
  serviceOfHost,
  sniOf,
} from './mod.ts'

const LABEL_CHARACTERS = 'abcdefghijklmnopqrstuvwxyz0123456789-'
const label = fc.string({ unit: fc.constantFrom(...LABEL_CHARACTERS), minLength: 1, maxLength: 63 }).filter(isDnsLabel)

test.each([
  ['a', true],
  ['a-1', true],
  ['1', true],
  ['x'.repeat(63), true],
  ['x'.repeat(64), false],
  ['', false],
  ['-a', false],
  ['a-', false],
  ['A', false],
  ['a.b', false],
  ['a_b', false],
  ['a\n', false],
  ['é', false],
])('%j is a DNS label: %s', (text, is) => {
  expect(isDnsLabel(text)).toBe(is)
})

test.each([
  [1, true],
  [65_535, true],
  [0, false],
  [65_536, false],
  [-1, false],
  [1.5, false],
  [Number.NaN, false],
  [Number.POSITIVE_INFINITY, false],
])('%d is a port: %s', (value, is) => {
  expect(parsePort(value).ok).toBe(is)
})

test.each(['', 'a', '/a', 'a/', 'a/b/c', 'A/b', 'a/b.c', ' a/b', 'a//b'])('%j is no service', text => {
  expect(parseServiceKey(text)).toMatchObject({ ok: false })
})

test('a key is one of two labels with one slash between them, and nothing else', () => {
  const almost = fc.array(fc.oneof(label, fc.constantFrom('/', '', '.', 'A', ' ')), { maxLength: 4 })
  fc.assert(
    fc.property(
      almost.map(parts => parts.join('')),
      text => {
        const parts = text.split('/')
        expect(parseServiceKey(text).ok).toBe(parts.length === 2 && parts.every(isDnsLabel))
      },
    ),
    { numRuns: 1_000 },
  )
})

test('a service is read from its key again', () => {
  fc.assert(
    fc.property(label, label, (namespace, name) => {
      expect(parseServiceKey(serviceKey(namespace, name))).toEqual({ ok: true, value: `${namespace}/${name}` })
    }),
  )
})

describe('a server name', () => {
  test('carries the port that is meant, and fits into a DNS name', () => {
    fc.assert(
      fc.property(label, label, fc.integer({ min: 1, max: 65_535 }), (namespace, name, port) => {
        const sni = sniOf(serviceKey(namespace, name), port)
        expect(sni).toBe(`p${port}.${name}.${namespace}`)
        expect(sni.length).toBeLessThanOrEqual(255)
        expect(appPortOfSni(sni)).toBe(port)
      }),
    )
  })

  test.each([
    '',
    'reviews.shop',
    'p.reviews.shop',
    'p0.a',
    'p65536.a',
    'p99999.a',
    'p8080',
    'xp80.a',
    'p80a.b',
    'P80.a',
    'p000080.a',
  ])('%j carries none', name => {
    expect(appPortOfSni(name)).toBeUndefined()
  })
})

describe('a host', () => {
  test.each([
    'reviews',
    'reviews.shop',
    'reviews.shop.svc',
    'reviews.shop.svc.cluster.local',
    'REVIEWS.Shop.SVC.cluster.LOCAL',
    'reviews.',
    'reviews.shop.svc.cluster.local.',
  ])('%s names shop/reviews', host => {
    expect(serviceOfHost(host, 'shop')).toBe('shop/reviews')
  })

  test('names the namespace that it says, not ours', () => {
    expect(serviceOfHost('reviews.other', 'shop')).toBe('other/reviews')
  })

  test.each([
    '',
    '.',
    '..',
    'reviews..',
    'reviews.shop..',
    '.reviews',
    'a b',
    'reviews.shop.svc.cluster',
    'reviews.shop.pod',
    'www.example.com',
    '10.0.0.1',
    '::1',
    '[::1]',
    'a_b',
    'reviews/x',
    'reviews:80',
    `${'x'.repeat(64)}`,
  ])('%j names none', host => {
    expect(serviceOfHost(host, 'shop')).toBeUndefined()
  })

  test('of every service names it, in every form', () => {
    fc.assert(
      fc.property(label, label, fc.constantFrom('', '.svc', '.svc.cluster.local'), (namespace, name, suffix) => {
        expect(serviceOfHost(`${name}.${namespace}${suffix}`, 'elsewhere')).toBe(`${namespace}/${name}`)
      }),
    )
  })

  test('of any other form names none, and never throws', () => {
    // The forms as they are promised, one by one, without a parser.
    const part = fc.oneof(
      label,
      fc.constantFrom('', 'svc', 'cluster', 'local', 'Svc', 'LOCAL', 'a_b', '-a', 'a:80', '1'),
    )
    const host = fc.oneof(
      fc.array(part, { maxLength: 6 }).map(parts => parts.join('.')),
      fc.string({ maxLength: 20 }),
    )
    const expectedOf = (text: string): string | undefined => {
      const name = text.toLowerCase().replace(/\.$/, '')
      const labels = name.split('.')
      const [service = '', namespace = 'shop'] = labels
      if (!labels.slice(0, 2).every(isDnsLabel)) return undefined
      const forms = [service, `${service}.${namespace}`, `${service}.${namespace}.svc`]
      return [...forms, `${service}.${namespace}.svc.cluster.local`].includes(name)
        ? `${namespace}/${service}`
        : undefined
    }
    fc.assert(
      fc.property(host, text => {
        expect(serviceOfHost(text, 'shop')).toBe(expectedOf(text))
      }),
      { numRuns: 2_000 },
    )
  })
})

test('endpoints are told apart by address, port and application port', () => {
  expect(endpointKey('10.0.0.1', 15_006, 8_080)).toBe('10.0.0.1:15006/8080')
})
