import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CAUSES } from '../../../common/mod.ts'
import type { KeptSpan } from '../mod.ts'
import { describeSpan } from './describe-span.ts'
import { keptSpan } from './kept-span.fixture.ts'

const attributesOf = (change: Partial<KeptSpan>) => describeSpan(keptSpan(change)).attributes
const errorOf = (change: Partial<KeptSpan>) => describeSpan(keptSpan(change)).error?.type

describe('a span in the words of the semantic conventions', () => {
  test('of an exchange at its caller', () => {
    expect(describeSpan(keptSpan({ route: 'shop/r', attempts: 2 }))).toEqual({
      name: 'GET',
      error: undefined,
      attributes: {
        'http.request.method': 'GET',
        'http.response.status_code': 200,
        'url.full': 'http://catalog/books',
        'url.path': '/books',
        'url.scheme': 'http',
        'server.address': 'catalog',
        'server.port': 80,
        'network.peer.address': '10.0.0.1',
        'network.peer.port': 15_006,
        'network.protocol.version': '1.1',
        'selvedge.span': 'client',
        'selvedge.source': 'shop/web',
        'selvedge.destination': 'shop/catalog',
        'selvedge.route': 'shop/r',
        'selvedge.mtls': true,
        'selvedge.attempts': 2,
      },
    })
  })

  test('of an exchange at its callee: neither a full URL nor a peer, whose address is not known', () => {
    const attributes = attributesOf({ kind: 'server', authority: 'catalog.shop:8080', minorVersion: 0 })
    expect(attributes).toMatchObject({ 'server.address': 'catalog.shop', 'server.port': 8_080 })
    expect(attributes).toMatchObject({ 'network.protocol.version': '1.0', 'selvedge.span': 'server' })
    for (const name of ['url.full', 'network.peer.address', 'network.peer.port', 'selvedge.attempts']) {
      expect(attributes).not.toHaveProperty([name])
    }
  })

  test('of a call of gRPC: its status, by which it is an error, at its caller sooner than at its callee', () => {
    const call = { httpVersion: 2, method: 'POST', status: 200 } as const
    expect(attributesOf({ ...call, grpcStatus: 0 })).toMatchObject({
      ...{ 'rpc.grpc.status_code': 0, 'http.response.status_code': 200, 'network.protocol.version': '2' },
    })
    const errorOf = (kind: 'client' | 'server', grpcStatus: number, judged: number) =>
      describeSpan(keptSpan({ ...call, kind, grpcStatus, judged })).error
    expect(errorOf('client', 0, 200)).toBeUndefined()
    expect(errorOf('client', 5, 404)).toEqual({ type: '5', message: '' })
    expect(errorOf('server', 5, 404)).toBeUndefined()
    expect(errorOf('server', 14, 503)).toEqual({ type: '14', message: '' })
  })

  test('of attempts: the first was sent once, the third was sent again twice', () => {
    const attempt = { kind: 'attempt', outcome: 'success' } as const
    expect(attributesOf({ ...attempt, attempts: 1 })).not.toHaveProperty(['http.request.resend_count'])
    expect(attributesOf({ ...attempt, attempts: 3 })).toMatchObject({
      'http.request.resend_count': 2,
      'selvedge.outcome': 'success',
    })
  })

  test.each([
    ['catalog', 'catalog', 80],
    ['catalog:8080', 'catalog', 8_080],
    ['[::1]:8080', '::1', 8_080],
    ['[::1]', '::1', 80],
  ])('asked of %s', (authority, address, port) => {
    expect(attributesOf({ authority })).toMatchObject({ 'server.address': address, 'server.port': port })
  })

  test('a peer with an IPv6 address', () => {
    const peer = { 'network.peer.address': '::1', 'network.peer.port': 1 }
    expect(attributesOf({ endpoint: '::1:1' })).toMatchObject(peer)
  })

  test('a method that nobody knows makes no name of its own', () => {
    expect(describeSpan(keptSpan({ method: 'BREW' }))).toMatchObject({
      name: 'HTTP',
      attributes: { 'http.request.method': '_OTHER', 'http.request.method_original': 'BREW' },
    })
  })

  test('what is not known is left out', () => {
    const nothing = attributesOf({ authority: '', endpoint: '', path: '*', status: 0 })
    for (const name of ['server.address', 'server.port', 'url.full', 'network.peer.address', 'selvedge.route']) {
      expect(nothing).not.toHaveProperty([name])
    }
    expect(nothing).not.toHaveProperty(['http.response.status_code'])
  })
})

describe('what failed', () => {
  test('5xx at both ends; 4xx at the caller alone', () => {
    expect([errorOf({ status: 503 }), errorOf({ kind: 'server', status: 503 })]).toEqual(['503', '503'])
    expect([errorOf({ status: 404 }), errorOf({ kind: 'server', status: 404 })]).toEqual(['404', undefined])
    expect([errorOf({ status: 399 }), errorOf({ kind: 'server', status: 499 })]).toEqual([undefined, undefined])
  })

  test('the cause of the mesh, with its words', () => {
    const span = keptSpan({ status: 503, cause: 'circuit-open', detail: '1 request is under way' })
    expect(describeSpan(span)).toMatchObject({
      error: { type: 'circuit-open', message: '1 request is under way' },
      attributes: { 'error.type': 'circuit-open', 'selvedge.cause': 'circuit-open' },
    })
    expect(describeSpan(keptSpan({ cause: 'upstream-reset', status: 200 })).error?.type).toBe('upstream-reset')
  })

  test('a refusal below 500 is no fault of the server that refused', () => {
    const refused = describeSpan(keptSpan({ kind: 'server', status: 403, cause: 'denied' }))
    expect(refused.error).toBeUndefined()
    expect(refused.attributes).toMatchObject({ 'selvedge.cause': 'denied' })
    expect(errorOf({ status: 403, cause: 'denied' })).toBe('denied')
  })

  test('an attempt without an answer, by how it ended; one that its caller ended is none', () => {
    expect(errorOf({ kind: 'attempt', status: 0, outcome: 'timeout' })).toBe('timeout')
    expect(errorOf({ kind: 'attempt', status: 0, outcome: 'connect-failed', cause: 'connect-failed' })).toBe(
      'connect-failed',
    )
    expect(errorOf({ kind: 'attempt', status: 0, outcome: 'cancelled', callerLeft: true })).toBeUndefined()
  })

  test('a caller that left was answered with nothing, whatever we write down for it', () => {
    const left = describeSpan(keptSpan({ status: 499, callerLeft: true }))
    expect(left.error).toBeUndefined()
    expect(left.attributes).toMatchObject({ 'selvedge.caller_left': true })
    expect(left.attributes).not.toHaveProperty(['http.response.status_code'])
    expect(errorOf({ status: 499 })).toBe('499')
  })
})

test('holds for any span: no attribute is empty, and error.type stands where the status says so', () => {
  const span = fc.record({
    kind: fc.constantFrom('client', 'server', 'attempt'),
    method: fc.string(),
    path: fc.string(),
    authority: fc.string(),
    endpoint: fc.string(),
    status: fc.integer({ min: 0, max: 999 }),
    cause: fc.constantFrom(undefined, ...CAUSES),
    outcome: fc.constantFrom(undefined, 'success', 'timeout', 'cancelled', 'reset'),
    callerLeft: fc.boolean(),
  })
  fc.assert(
    fc.property(span, change => {
      const { attributes, error } = describeSpan(keptSpan(change as Partial<KeptSpan>))
      for (const [name, value] of Object.entries(attributes)) {
        if (name !== 'url.path') expect([name, value]).not.toEqual([name, ''])
        expect(value).toBe(value)
      }
      expect(attributes['error.type']).toBe(error?.type)
    }),
  )
})
