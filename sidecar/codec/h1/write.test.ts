import { expect, test } from 'vitest'
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
