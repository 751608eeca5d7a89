import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseSpiffeId, parseTrustDomain, type SpiffeId, trustDomainOf } from '../../../common/mod.ts'

// SPIFFE-ID, sections 2.1 to 2.4, against a reference that was written from the text alone: one expression for the whole.

const REFERENCE = /^spiffe:\/\/([a-zA-Z0-9._-]{1,255})((?:\/(?!\.{1,2}(?:\/|$))[a-zA-Z0-9._-]+)*)$/
const BYTES_MAX = 2_048

/** The ID in its normal form; `undefined`: the specification has no such ID. */
function reference(text: string): string | undefined {
  if (new TextEncoder().encode(text).length > BYTES_MAX) return undefined
  const scheme = text.slice(0, 6).replace(/[A-Z]/g, letter => letter.toLowerCase())
  const found = REFERENCE.exec(scheme + text.slice(6))
  if (found === null) return undefined
  const [, domain = '', path = ''] = found
  return `spiffe://${domain.toLowerCase()}${path}`
}

function parsed(text: string): string | undefined {
  const id = parseSpiffeId(text)
  return id.ok ? id.value : undefined
}

const scheme = fc.constantFrom('spiffe', 'spiffe', 'spiffe', 'SPIFFE', 'Spiffe', 'spifffe', 'http', 'https', '')
const separator = fc.constantFrom('://', '://', '://', ':/', ':', '//', ':///')
const word = fc.string({ unit: fc.constantFrom(...'abcxyzABZ0189.-_'), minLength: 1, maxLength: 12 })
const odd = fc.constantFrom(
  '',
  '.',
  '..',
  '...',
  '%2e',
  '%',
  'a b',
  'a\0',
  'é',
  '~',
  'a,b',
  '*',
  '@',
  ':80',
  '?q',
  '#f',
  '\n',
)
const domain = fc.oneof({ weight: 6, arbitrary: word }, { weight: 2, arbitrary: odd }, fc.constant('u@td'))
const segment = fc.oneof({ weight: 8, arbitrary: word }, { weight: 1, arbitrary: odd })
const path = fc.array(segment, { maxLength: 5 }).map(segments => segments.map(each => `/${each}`).join(''))
const tail = fc.oneof({ weight: 8, arbitrary: fc.constant('') }, { weight: 1, arbitrary: odd }, fc.constant('/'))
const nearlyId = fc.tuple(scheme, separator, domain, path, tail).map(parts => parts.join(''))
const validId = fc
  .tuple(
    word,
    fc.array(
      word.filter(each => each !== '.' && each !== '..'),
      { maxLength: 5 },
    ),
  )
  .map(([name, segments]) => ['spiffe:/', name, ...segments].join('/'))

describe('[SVID-1] [SVID-2] a SPIFFE ID', () => {
  test('is what the reference says it is, for texts that nearly are one', () => {
    let accepted = 0
    fc.assert(
      fc.property(nearlyId, text => {
        if (parsed(text) !== undefined) accepted++
        expect(parsed(text)).toBe(reference(text))
      }),
      { numRuns: 5_000 },
    )
    // Else the property would say little.
    expect(accepted).toBeGreaterThan(500)
  })

  test('is what the reference says it is, for one in which a character was put in, taken out or changed', () => {
    const edit = fc.tuple(fc.nat(200), fc.constantFrom('insert', 'delete', 'replace'), fc.string({ maxLength: 2 }))
    fc.assert(
      fc.property(validId, edit, (id, [at, how, text]) => {
        const place = at % (id.length + 1)
        const kept = how === 'insert' ? place : place + 1
        const edited = id.slice(0, place) + (how === 'delete' ? '' : text) + id.slice(kept)
        expect(parsed(edited)).toBe(reference(edited))
      }),
      { numRuns: 5_000 },
    )
  })

  test('is what the reference says it is, for any text at all', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), text => {
        expect(parsed(text)).toBe(reference(text))
        expect(parsed(`spiffe://${text}`)).toBe(reference(`spiffe://${text}`))
      }),
      { numRuns: 2_000 },
    )
  })
})

describe('[SVID-1] the parts of a SPIFFE ID', () => {
  test('a trust domain has 1 to 255 bytes, of which every one is allowed that the specification allows', () => {
    for (let code = 0; code < 0x180; code++) {
      const letter = String.fromCharCode(code)
      expect(parsed(`spiffe://${letter}/a`) !== undefined, JSON.stringify(letter)).toBe(/^[a-zA-Z0-9._-]$/.test(letter))
      expect(parseTrustDomain(letter).ok, JSON.stringify(letter)).toBe(/^[a-z0-9._-]$/.test(letter))
    }
    expect(parsed(`spiffe://${'x'.repeat(255)}/a`)).toBeDefined()
    expect(parsed(`spiffe://${'x'.repeat(256)}/a`)).toBeUndefined()
    expect(parsed('spiffe:///a')).toBeUndefined()
  })

  test('2048 bytes are accepted, 2049 are not', () => {
    const base = 'spiffe://td/'
    expect(parsed(base + 'x'.repeat(BYTES_MAX - base.length))).toBeDefined()
    expect(parsed(base + 'x'.repeat(BYTES_MAX - base.length + 1))).toBeUndefined()
  })

  test.each(['?q=1', '#f', '?', '#', '/a?q', '/a#f'])('a query or fragment, as in %s: none', ending => {
    expect(parsed(`spiffe://td${ending}`)).toBeUndefined()
  })

  test.each(['spiffe://u@td/a', 'spiffe://u:p@td/a', 'spiffe://td:443/a', 'spiffe://td/%61', 'spiffe://t%64/a'])(
    'user information, a port, percent-encoding, as in %s: none',
    text => {
      expect(parsed(text)).toBeUndefined()
    },
  )

  test('scheme and trust domain are the same in any case, and have one form within', () => {
    expect(parsed('SPIFFE://TD.Example/Ns/A')).toBe('spiffe://td.example/Ns/A')
    expect(trustDomainOf(parsed('SpIfFe://TD.Example/Ns/A') as SpiffeId)).toBe('td.example')
  })
})

describe('[SVID-2] the path of a SPIFFE ID', () => {
  test('is of the letters that the specification allows, and no others', () => {
    for (let code = 0; code < 0x180; code++) {
      const letter = String.fromCharCode(code)
      const allowed = /^[a-zA-Z0-9._-]$/.test(letter)
      // A slash ends a segment.
      const expected = allowed || letter === '/'
      expect(parsed(`spiffe://td/a${letter}b`) !== undefined, JSON.stringify(letter)).toBe(expected)
    }
  })

  test.each(['/', '/a/', '//a', '/a//b', '/.', '/..', '/a/./b', '/a/../b', '/a/..'])('%s: none', text => {
    expect(parsed(`spiffe://td${text}`)).toBeUndefined()
  })

  test.each(['/...', '/.a', '/a.', '/..a', '/-', '/_', '/0'])('%s is a path', text => {
    expect(parsed(`spiffe://td${text}`)).toBe(`spiffe://td${text}`)
  })

  test('is another one in another case', () => {
    expect(parsed('spiffe://td/A')).not.toBe(parsed('spiffe://td/a'))
  })
})
