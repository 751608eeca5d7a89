import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Detected, detect } from './mod.ts'

const said = (text: string) => detect(Buffer.from(text, 'latin1'))

test.each<[string, Detected]>([
  ['', 'undecided'],
  ['G', 'undecided'],
  ['GET', 'undecided'],
  ['GET ', 'http1'],
  ['get /', 'http1'],
  ['M-SEARCH * HTTP/1.1', 'http1'],
  ['home_made ', 'http1'],
  ['POST ', 'http1'],
  ['PROPFIND ', 'http1'],
  ['PR', 'undecided'],
  ['PRI ', 'undecided'],
  ['PRI * ', 'http2'],
  ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'http2'],
  ['PRI /', 'http1'],
  ['\r\n', 'undecided'],
  ['\r\nGET /', 'http1'],
  ['\r\n\r\nGET /', 'opaque'],
  [' GET', 'opaque'],
  ['\x16', 'tls'],
  ['\x16\x03\x01', 'tls'],
  ['SSH-2.0-x', 'opaque'],
  ['\0', 'opaque'],
  ['*1\r\n', 'opaque'],
  ['EHLO\r\n', 'opaque'],
  ['M'.repeat(32), 'undecided'],
  [`${'M'.repeat(32)} `, 'http1'],
  ['M'.repeat(33), 'opaque'],
])('%j says %s', (text, found) => {
  expect(said(text)).toBe(found)
})

test('what is decided stays so, whatever follows', () => {
  const start = fc.string({ unit: fc.constantFrom(...'PRI * GET\r\n\x16\0-_z1'), maxLength: 40 })
  fc.assert(
    fc.property(start, fc.string({ unit: 'binary', maxLength: 10 }), (text, more) => {
      const found = said(text)
      if (found !== 'undecided') expect(said(text + more)).toBe(found)
    }),
    { numRuns: 2_000 },
  )
})

test('at the latest the thirty-fourth byte decides', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 34, maxLength: 60 }), bytes => {
      expect(detect(bytes)).not.toBe('undecided')
    }),
  )
})
