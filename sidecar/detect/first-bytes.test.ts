import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Detected, detect, detectHttp } from './mod.ts'

const said = (text: string) => detect(Buffer.from(text, 'latin1'))

test.each<[string, Detected]>([
  ['', 'undecided'],
  ['G', 'undecided'],
  ['GET', 'undecided'],
  ['GET ', 'undecided'],
  ['GET /', 'http1'],
  ['get /', 'http1'],
  ['M-SEARCH * HTTP/1.1', 'http1'],
  ['home_made /x', 'http1'],
  ['GET h', 'undecided'],
  ['GET http:/', 'undecided'],
  ['GET http://', 'http1'],
  ['PROPFIND https://', 'http1'],
  ['OPTIONS *', 'http1'],
  ['CONNECT ', 'undecided'],
  ['CONNECT a', 'http1'],
  ['PR', 'undecided'],
  ['PRI ', 'undecided'],
  ['PRI * ', 'http2'],
  ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'http2'],
  ['PRI /', 'http1'],
  ['\r', 'undecided'],
  ['\r\n', 'undecided'],
  ['\r\nGET /', 'http1'],
  ['\r\n\r\nGET /', 'opaque'],
  ['\rGET /', 'opaque'],
  [' GET', 'opaque'],
  ['\x16', 'tls'],
  ['\x16\x03\x01', 'tls'],
  ['\0', 'opaque'],
  ['M'.repeat(32), 'undecided'],
  [`${'M'.repeat(32)} /`, 'http1'],
  ['M'.repeat(33), 'opaque'],
])('%j says %s', (text, found) => {
  expect(said(text)).toBe(found)
})

describe('what is text, and not HTTP, is opaque at its first word:', () => {
  test.each([
    ['SSH', 'SSH-2.0-x'],
    ['Redis', '*1\r\n$4\r\nPING\r\n'],
    ['Redis, typed in', 'PING\r\n'],
    ['Redis, typed in with a key', 'GET key\r\n'],
    ['memcached', 'get key\r\n'],
    ['memcached', 'set key 0 0 1\r\n'],
    ['SMTP without waiting', 'EHLO there\r\n'],
    ['the PROXY protocol', 'PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n'],
    ['RTSP', 'OPTIONS rtsp://camera RTSP/1.0\r\n'],
    ['SIP', 'INVITE sip:bob@example.com SIP/2.0\r\n'],
    ['NATS', 'PUB subject 5\r\nhello\r\n'],
    ['PostgreSQL', '\0\0\0\x08\x04\xd2\x16\x2f'],
    ['MongoDB', '\x3a\0\0\0\x01\0\0\0'],
    ['Kafka', '\0\0\0\x24\0\x12\0\x03'],
  ])('%s', (_, text) => {
    expect(said(text)).toBe('opaque')
  })
})

const START = fc.string({ unit: fc.constantFrom(...'PRI * GET/h:tpsCONECT\r\n\x16\0-_z1'), maxLength: 48 })

test('what is decided stays so, whatever follows', () => {
  fc.assert(
    fc.property(START, fc.string({ unit: 'binary', maxLength: 10 }), (text, more) => {
      const found = said(text)
      if (found !== 'undecided') expect(said(text + more)).toBe(found)
    }),
    { numRuns: 500 },
  )
})

test('at the latest the forty-third byte decides', () => {
  const longest = `\r\n${'M'.repeat(32)} https:/`
  expect(longest.length).toBe(42)
  expect(said(longest)).toBe('undecided')
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 43, maxLength: 60 }), bytes => {
      expect(detect(bytes)).not.toBe('undecided')
    }),
  )
})

test('where nothing but HTTP is served, only HTTP/2 is told from the rest', () => {
  const http = (text: string) => detectHttp(Buffer.from(text, 'latin1'))
  expect(['', 'P', 'PRI *'].map(http)).toEqual(['undecided', 'undecided', 'undecided'])
  expect(http('PRI * HTTP/2.0\r\n')).toBe('http2')
  expect(['G', '\x16', '\0', 'PUT', 'PRI /'].map(http)).toEqual(['http1', 'http1', 'http1', 'http1', 'http1'])
})
