import { describe, expect, test } from 'vitest'
import { Headers, NO_BODY, type ResponseHead } from '../../http/mod.ts'
import { goodResponse } from './head.fixture.ts'
import { answerFraming, chunkStart, responseHeadText } from './mod.ts'

test.each([
  ['GET', 1, 'Content-Length: 5', 'as-is'],
  ['GET', 1, 'Transfer-Encoding: chunked', 'chunked'],
  ['GET', 1, 'X: y', 'chunked'],
  ['GET', 0, 'Content-Length: 5', 'as-is'],
  ['GET', 0, 'Transfer-Encoding: chunked', 'until-close'],
  ['GET', 0, 'X: y', 'until-close'],
  ['HEAD', 1, 'X: y', 'as-is'],
  ['HEAD', 0, 'Transfer-Encoding: chunked', 'as-is'],
] as const)('to a %s of HTTP/1.%i an answer with %s is %s', (method, minorVersion, field, framing) => {
  const head = goodResponse(`HTTP/1.1 200 OK\r\n${field}\r\n\r\n`, method)
  expect(answerFraming(head, minorVersion, method)).toBe(framing)
})

describe('an answer without a body, as HTTP/2 gives it with its head', () => {
  const empty = (status: number, headers = Headers.empty()): ResponseHead => ({
    ...goodResponse('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'),
    status,
    headers,
    body: NO_BODY,
  })

  test.each([200, 201, 205, 302, 404, 503])(
    'says so with %i: without a length it would go on until the end',
    status => {
      const framing = answerFraming(empty(status), 1, 'GET')
      expect(framing).toBe('empty')
      expect(responseHeadText(empty(status), framing, 'default')).toMatch(/\r\ncontent-length: 0\r\n\r\n$/)
    },
  )

  test.each([204, 304])('needs to say nothing with %i, which never has one', status => {
    expect(answerFraming(empty(status), 1, 'GET')).toBe('as-is')
  })

  test('says nothing twice, and to HEAD nothing that may not be so', () => {
    expect(answerFraming(empty(200, Headers.of([['Content-Length', '0']])), 1, 'GET')).toBe('as-is')
    expect(answerFraming(empty(200), 1, 'HEAD')).toBe('as-is')
  })
})

test('Transfer-Encoding is written where chunks are', () => {
  const head = goodResponse('HTTP/1.1 200 OK\r\nX: y\r\n\r\n')
  expect(responseHeadText(head, 'chunked', 'default')).toBe(
    'HTTP/1.1 200 OK\r\nX: y\r\ntransfer-encoding: chunked\r\n\r\n',
  )
  expect(responseHeadText(head, 'until-close', 'close')).toBe('HTTP/1.1 200 OK\r\nX: y\r\nconnection: close\r\n\r\n')
})

test('sizes of chunks are hexadecimal', () => {
  expect(chunkStart(255)).toBe('ff\r\n')
})
