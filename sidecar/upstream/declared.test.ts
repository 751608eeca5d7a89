import { describe, expect, test } from 'vitest'
import { Headers, NO_BODY, type RequestHead } from '../http/mod.ts'
import { carriageTo, versionOf } from './declared.ts'

const request = (change: Partial<RequestHead> = {}): RequestHead => ({
  method: 'GET',
  target: '/',
  authority: 'a',
  headers: Headers.empty(),
  body: NO_BODY,
  httpVersion: 1,
  grpc: false,
  minorVersion: 1,
  keepAlive: true,
  expectContinue: false,
  upgrade: undefined,
  hasMeshFields: false,
  traceparent: undefined,
  ...change,
})

test.each([
  ['http', 1],
  ['http2', 2],
  ['grpc', 2],
  ['tcp', undefined],
  ['detect', undefined],
  [undefined, undefined],
] as const)('a port that is declared %s speaks HTTP/%s', (protocol, version) => {
  expect(versionOf(protocol)).toBe(version)
})

describe('an application is spoken to', () => {
  test('as its port declares, else as its caller spoke', () => {
    for (const httpVersion of [1, 2] as const) {
      expect(carriageTo(1, request({ httpVersion }))).toBe('http1')
      expect(carriageTo(2, request({ httpVersion }))).toBe('http2')
      expect(carriageTo(undefined, request({ httpVersion }))).toBe(`http${httpVersion}`)
    }
  })

  test('in HTTP/2 for gRPC, whatever is declared', () => {
    for (const declared of [1, 2, undefined] as const) {
      expect(carriageTo(declared, request({ httpVersion: 2, grpc: true }))).toBe('http2')
    }
  })

  test('in HTTP/1.1 where protocols are switched, unless both sides speak HTTP/2', () => {
    for (const declared of [1, 2, undefined] as const) {
      for (const httpVersion of [1, 2] as const) {
        const expected = declared === 2 && httpVersion === 2 ? 'http2' : 'http1'
        expect(carriageTo(declared, request({ httpVersion, upgrade: 'websocket' }))).toBe(expected)
      }
    }
  })

  test('in bytes by a CONNECT, and by no CONNECT that names a protocol', () => {
    expect(carriageTo(1, request({ method: 'CONNECT' }))).toBe('bytes')
    expect(carriageTo(1, request({ method: 'CONNECT', upgrade: 'websocket' }))).toBe('http1')
  })
})
