import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  grpcFields,
  grpcPushbackMs,
  grpcStatusIn,
  grpcStatusOfHttp,
  grpcTimeoutMs,
  grpcTimeoutText,
  Headers,
  httpStatusOfGrpc,
  NO_GRPC_STATUS,
} from './mod.ts'

const fieldsOf = (name: string, value: string): Headers => Headers.of([[name, value]])

describe('[H2-17] a grpc-timeout', () => {
  test.each([
    ['1H', 3_600_000],
    ['2M', 120_000],
    ['3S', 3_000],
    ['40m', 40],
    ['500u', 0.5],
    ['99999999n', 99.999999],
    ['0S', 0],
    ['99999999H', 2_073_600_000],
    ['99999999M', 2_073_600_000],
  ])('%j is %d ms', (text, ms) => {
    expect(grpcTimeoutMs(text)).toBeCloseTo(ms, 6)
  })

  test.each([
    '',
    'S',
    '1',
    '1s',
    '1 S',
    '-1S',
    '+1S',
    '1.5S',
    '123456789S',
    '1SS',
    '0x1S',
    '1S ',
    '１S',
    '1constructor',
  ])('%j is malformed', text => {
    expect(grpcTimeoutMs(text)).toBeUndefined()
  })

  test('for what remains says no more than that, never nothing, and loses less than a part in a thousand', () => {
    fc.assert(
      fc.property(fc.double({ min: -1_000, max: 2_073_600_000, noNaN: true }), ms => {
        const said = grpcTimeoutMs(grpcTimeoutText(ms))!
        expect(said).toBeGreaterThan(0)
        expect(said).toBeLessThanOrEqual(Math.max(ms, 0.001))
        expect(said).toBeGreaterThanOrEqual(ms - Math.max(0.001, ms / 1_000))
      }),
    )
  })
})

test.each([
  ['0', 0],
  ['1500', 1_500],
  ['-1', -1],
  ['soon', -1],
  ['', -1],
  ['9999999999', -1],
])('[RETRY-6] a pushback of %j is %d ms; below 0: no further attempt', (text, ms) => {
  expect(grpcPushbackMs(fieldsOf('grpc-retry-pushback-ms', text))).toBe(ms)
  expect(grpcPushbackMs(Headers.empty())).toBeUndefined()
})

describe('[H2-19] the mesh tells gRPC of its own answers', () => {
  test.each([
    [400, 13],
    [401, 16],
    [403, 7],
    [404, 12],
    [429, 14],
    [500, 14],
    [502, 14],
    [503, 14],
    [504, 4],
    [418, 2],
  ])('%d as %d', (status, code) => {
    expect(grpcStatusOfHttp(status)).toBe(code)
  })

  test('in words that a field can hold', () => {
    const fields = Headers.of(grpcFields(14, 'selvedge: 100% „weg“\r\n', 'connect-failed'))
    expect(fields.toText()).toBe(
      'grpc-status: 14\r\ngrpc-message: selvedge: 100%25 %E2%80%9Eweg%E2%80%9C%0D%0A\r\nx-selvedge-cause: connect-failed\r\n',
    )
  })
})

test('an answer is judged by its code: as unavailable, as a fault of its own, or as none', () => {
  expect([0, 3, 5, 7, 14, 4, 13, 2, 12].map(httpStatusOfGrpc)).toEqual([200, 400, 404, 403, 503, 504, 500, 500, 501])
})

test('what is no code of gRPC counts as UNKNOWN, and where there is none there is none', () => {
  expect(
    ['0', '16', '17', '99', '-1', '', 'x', '014', '1, 2'].map(text => grpcStatusIn(fieldsOf('grpc-status', text))),
  ).toEqual([0, 16, 2, 2, 2, 2, 2, 2, 2])
  expect(grpcStatusIn(Headers.empty())).toBe(NO_GRPC_STATUS)
})
