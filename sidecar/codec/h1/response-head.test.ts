import { describe, expect, test } from 'vitest'
import { HEAD_BYTES_MAX, HEAD_FIELDS_MAX } from '../../../common/mod.ts'
import { fieldsOf, goodResponse, readResponse } from './head.fixture.ts'
import { HeadScanner, idleMsSaid, keepAliveOf } from './mod.ts'

const withFields = (...lines: string[]) => `HTTP/1.1 200 OK\r\n${lines.map(line => `${line}\r\n`).join('')}\r\n`
const isRefused = (text: string, method = 'GET') => readResponse(text, method).kind === 'refused'

describe('[H1-24] a malformed answer is refused', () => {
  test.each([
    ['not HTTP', 'SSH-2.0-x\r\n\r\n'],
    ['HTTP/0.9', '<html>\r\n\r\n'],
    ['HTTP/2.0', 'HTTP/2.0 200 OK\r\n\r\n'],
    ['HTTP/1.2', 'HTTP/1.2 200 OK\r\n\r\n'],
    ['a version of two digits', 'HTTP/1.10 200 OK\r\n\r\n'],
    ['a version in lower case', 'http/1.1 200 OK\r\n\r\n'],
    ['no status', 'HTTP/1.1\r\n\r\n'],
    ['a space for a status', 'HTTP/1.1 \r\n\r\n'],
    ['a status of two digits', 'HTTP/1.1 20\r\n\r\n'],
    ['a status of two digits and a reason', 'HTTP/1.1 20 OK\r\n\r\n'],
    ['a status of four digits', 'HTTP/1.1 2000 OK\r\n\r\n'],
    ['a status below 100', 'HTTP/1.1 099 x\r\n\r\n'],
    ['a status above 599', 'HTTP/1.1 600 x\r\n\r\n'],
    ['a signed status', 'HTTP/1.1 +20 OK\r\n\r\n'],
    ['two spaces before the status', 'HTTP/1.1  200 OK\r\n\r\n'],
    ['a tab before the status', 'HTTP/1.1\t200 OK\r\n\r\n'],
    ['no space before the reason', 'HTTP/1.1 200OK\r\n\r\n'],
    ['an empty line before the status line', '\r\nHTTP/1.1 200 OK\r\n\r\n'],
    ['bare LF', 'HTTP/1.1 200 OK\nX: y\r\n\r\n'],
    ['CR in the reason', 'HTTP/1.1 200 O\rK\r\n\r\n'],
    ['NUL in the reason', 'HTTP/1.1 200 O\0K\r\n\r\n'],
    ['a folded line', withFields('X: y', ' z')],
    ['a space before a colon', withFields('X : y')],
    ['a line without a colon', withFields('X')],
    ['NUL in a value', withFields('X: \0')],
    ['Content-Length with Transfer-Encoding', withFields('Content-Length: 1', 'Transfer-Encoding: chunked')],
    ['[H1-5] Content-Length twice', withFields('Content-Length: 1', 'Content-Length: 1')],
    ['[H1-5] Content-Length as a list', withFields('Content-Length: 1, 1')],
    ['a negative Content-Length', withFields('Content-Length: -1')],
    ['Transfer-Encoding twice', withFields('Transfer-Encoding: chunked', 'Transfer-Encoding: chunked')],
    ['a coding that we do not have', withFields('Transfer-Encoding: gzip, chunked')],
    ['Transfer-Encoding in HTTP/1.0', 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'],
    ['too many fields', withFields(...Array.from({ length: HEAD_FIELDS_MAX + 1 }, () => 'X: y'))],
    ['a head that is too large', withFields(`X: ${'y'.repeat(HEAD_BYTES_MAX)}`)],
    ['a reason that is too long', `HTTP/1.1 200 ${'x'.repeat(HEAD_BYTES_MAX)}`],
  ])('%s', (_what, text) => {
    expect(isRefused(text)).toBe(true)
  })

  test('also where the answer has no body', () => {
    expect(isRefused(withFields('Content-Length: 1', 'Content-Length: 2'), 'HEAD')).toBe(true)
    expect(isRefused('HTTP/1.1 304 x\r\nContent-Length: x\r\n\r\n')).toBe(true)
  })
})

test.each([
  ['HTTP/1.1 200 OK', 200, 'OK'],
  ['HTTP/1.1 200 ', 200, ''],
  ['HTTP/1.1 200', 200, ''],
  ['HTTP/1.0 404 Not  Found ', 404, 'Not  Found '],
  ['HTTP/1.1 599 caf\xe9', 599, 'caf\xe9'],
])('%j is a status line', (line, status, reason) => {
  expect(goodResponse(`${line}\r\n\r\n`)).toMatchObject({ status, reason })
})

describe('the framing of an answer', () => {
  test.each([
    ['GET', 200, 'Content-Length: 5', { kind: 'length', length: 5 }],
    ['GET', 200, 'Content-Length: 0', { kind: 'none' }],
    ['GET', 200, 'Transfer-Encoding: chunked', { kind: 'chunked' }],
    ['GET', 200, 'X: y', { kind: 'until-close' }],
    ['HEAD', 200, 'Content-Length: 5', { kind: 'none' }],
    ['HEAD', 200, 'Transfer-Encoding: chunked', { kind: 'none' }],
    ['HEAD', 200, 'X: y', { kind: 'none' }],
    ['GET', 204, 'Content-Length: 5', { kind: 'none' }],
    ['GET', 204, 'Transfer-Encoding: chunked', { kind: 'none' }],
    ['GET', 304, 'Content-Length: 5', { kind: 'none' }],
    ['GET', 100, 'Content-Length: 5', { kind: 'none' }],
    ['GET', 103, 'X: y', { kind: 'none' }],
    ['GET', 205, 'Content-Length: 5', { kind: 'length', length: 5 }],
  ])('%s %i with %j', (method, status, field, body) => {
    expect(goodResponse(`HTTP/1.1 ${status} x\r\n${field}\r\n\r\n`, method).body).toEqual(body)
  })

  test('[RFC 9110, 8.6] what can have no body loses its Content-Length, for a reader that would wait for one', () => {
    for (const status of [103, 204]) {
      const head = goodResponse(`HTTP/1.1 ${status} x\r\nContent-Length: 5\r\nX: y\r\n\r\n`)
      expect(fieldsOf(head)).toEqual([['X', 'y']])
    }
    expect(goodResponse('HTTP/1.1 304 x\r\nContent-Length: 5\r\n\r\n').headers.get('content-length')).toBe('5')
    expect(goodResponse(withFields('Content-Length: 5'), 'HEAD').headers.get('content-length')).toBe('5')
  })

  test.each([
    ['HTTP/1.1 200 x', 'Content-Length: 1', true],
    ['HTTP/1.1 200 x', 'Content-Length: 1\r\nConnection: close', false],
    ['HTTP/1.1 200 x', 'X: y', false],
    ['HTTP/1.1 204 x', 'X: y', true],
    ['HTTP/1.0 200 x', 'Content-Length: 1', false],
    ['HTTP/1.0 200 x', 'Content-Length: 1\r\nConnection: Keep-Alive', true],
    ['HTTP/1.1 200 x', 'Transfer-Encoding: chunked\r\nConnection: keep-alive', true],
  ])('%s with %j is kept: %s', (line, fields, kept) => {
    expect(goodResponse(`${line}\r\n${fields}\r\n\r\n`).keepAlive).toBe(kept)
  })
})

test('fields of the hop, and those that Connection names, are gone', () => {
  const head = goodResponse(
    withFields(
      'Connection: x-one',
      'X-One: 1',
      'Keep-Alive: timeout=5',
      'Set-Cookie: a',
      'Set-Cookie: b',
      'x-selvedge-cause: overload',
    ),
  )
  expect(fieldsOf(head)).toEqual([
    ['Set-Cookie', 'a'],
    ['Set-Cookie', 'b'],
    ['x-selvedge-cause', 'overload'],
  ])
  expect(head.hasMeshFields).toBe(true)
})

describe('Keep-Alive', () => {
  test.each([
    ['timeout=5', 5_000],
    ['timeout=5, max=1000', 5_000],
    ['max=1000, timeout=75', 75_000],
    ['max=1000,Timeout = 15', 15_000],
    ['timeout="30"', 30_000],
    ['timeout=0', 0],
    ['timeout=99999', 99_999_000],
    ['timeout=100000', undefined],
    ['timeout=-1', undefined],
    ['timeout=', undefined],
    ['timeout', undefined],
    ['notimeout=5', undefined],
    ['max=5', undefined],
    ['', undefined],
  ])('says with %j how long the server waits', (text, expected) => {
    expect(idleMsSaid(text)).toBe(expected)
  })

  test('is found in a head, and never handed on', () => {
    const text = withFields('Keep-Alive: timeout=5', 'X: y')
    const scanner = new HeadScanner()
    scanner.scan(Buffer.from(text), 0)
    expect(keepAliveOf(scanner, text)).toBe('timeout=5')
    expect(fieldsOf(goodResponse(text))).toEqual([['X', 'y']])
    scanner.reset()
    scanner.scan(Buffer.from(withFields('X: y')), 0)
    expect(keepAliveOf(scanner, withFields('X: y'))).toBe('')
  })
})
