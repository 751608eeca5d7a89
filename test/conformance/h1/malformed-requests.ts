import { HEAD_BYTES_MAX, TARGET_BYTES_MAX } from '../../../common/mod.ts'
import type { Refusal } from './kit.ts'

/** Bytes that are no request, and what is said of them. `pieces`: sent one after another. */
export interface Malformed {
  readonly title: string
  readonly pieces: readonly string[]
  readonly refusal: Refusal
}

function malformed(title: string, text: string | readonly string[], why: RegExp, status = 400): Malformed {
  const pieces = typeof text === 'string' ? [text] : text
  return { title, pieces, refusal: { status, cause: 'bad-request', why } }
}

const get = (fields: string, line = 'GET / HTTP/1.1') => `${line}\r\n${fields}\r\n`
const post = (fields: string, body = '') => `POST / HTTP/1.1\r\nHost: app\r\n${fields}\r\n${body}`
const chunks = (body: string) => post('Transfer-Encoding: chunked\r\n', body)
const line = (text: string) => `${text}\r\nHost: app\r\n\r\n`
const host = (value: string) => `GET / HTTP/1.1\r\nHost: ${value}\r\n\r\n`
const LAST = '0\r\n\r\n'

/** CHECKLIST, H1-1 to 20 as far as they are about requests that are refused for what they look like. */
export const MALFORMED: readonly Malformed[] = [
  malformed(
    '[H1-1] Content-Length and Transfer-Encoding',
    post('Content-Length: 5\r\nTransfer-Encoding: chunked\r\n', LAST),
    /Content-Length together/,
  ),
  malformed(
    '[H1-1] Transfer-Encoding and Content-Length',
    post('Transfer-Encoding: chunked\r\nContent-Length: 5\r\n', LAST),
    /Content-Length together/,
  ),

  malformed(
    '[H1-2] Transfer-Encoding twice',
    post('Transfer-Encoding: chunked\r\n'.repeat(2), LAST),
    /Transfer-Encoding twice/,
  ),
  malformed('[H1-2] chunked, identity', post('Transfer-Encoding: chunked, identity\r\n', LAST), /other than chunked/),
  malformed('[H1-2] xchunked', post('Transfer-Encoding: xchunked\r\n', LAST), /other than chunked/),
  malformed('[H1-2] a space before the colon', post('Transfer-Encoding : chunked\r\n', LAST), /not "name: value"/),
  malformed('[H1-2] 0x0B before the value', post('Transfer-Encoding: \x0bchunked\r\n', LAST), /control character/),
  malformed('[H1-2] 0x0B before the name', post('\x0bTransfer-Encoding: chunked\r\n', LAST), /control character/),

  malformed('[H1-3] gzip, chunked', post('Transfer-Encoding: gzip, chunked\r\n', LAST), /other than chunked/, 501),
  malformed('[H1-3] chunked, gzip', post('Transfer-Encoding: chunked, gzip\r\n', LAST), /other than chunked/),
  malformed('[H1-3] gzip alone', post('Transfer-Encoding: gzip\r\n', LAST), /other than chunked/),

  malformed(
    '[H1-4] Transfer-Encoding in HTTP/1.0',
    `POST / HTTP/1.0\r\nHost: app\r\nTransfer-Encoding: chunked\r\n\r\n${LAST}`,
    /in HTTP\/1\.0/,
  ),

  malformed(
    '[H1-5] Content-Length twice',
    post('Content-Length: 2\r\nContent-Length: 3\r\n', 'abc'),
    /Content-Length twice/,
  ),
  malformed(
    '[H1-5] Content-Length twice, alike',
    post('Content-Length: 2\r\nContent-Length: 2\r\n', 'ab'),
    /Content-Length twice/,
  ),
  malformed('[H1-5] Content-Length as a list', post('Content-Length: 2, 2\r\n', 'ab'), /not a whole number/),

  ...['+1', '-1', '0x1', '', '18446744073709551617', '1.0', '1 1'].map(value =>
    malformed(
      `[H1-6] Content-Length: ${value || 'nothing'}`,
      post(`Content-Length: ${value}\r\n`, 'a'),
      /not a whole number/,
    ),
  ),

  malformed('[H1-7] chunk size 0x1', chunks(`0x1\r\na\r\n${LAST}`), /malformed chunk size/),
  malformed('[H1-7] a space before a chunk size', chunks(` 1\r\na\r\n${LAST}`), /chunk without a size/),
  malformed('[H1-7] a space behind a chunk size', chunks(`1 \r\na\r\n${LAST}`), /malformed chunk size/),
  malformed('[H1-7] a chunk size above 2^64', chunks(`10000000000000001\r\na\r\n${LAST}`), /too large/),
  malformed('[H1-7] a chunk size that comes late', [chunks(''), '-1\r\na\r\n'], /chunk without a size/),

  malformed('[H1-8] LF ends a chunk line', chunks(`1\na\r\n${LAST}`), /malformed chunk size/),
  malformed('[H1-8] CR alone ends a chunk line', chunks(`1\ra\r\n${LAST}`), /CR without LF in a chunk line/),
  malformed('[H1-8] LF ends a chunk extension', chunks(`1;x\na\r\n${LAST}`), /malformed chunk extension/),
  malformed('[H1-8] no CRLF behind chunk data', chunks(`1\r\na${LAST}`), /longer than its size/),
  malformed('[H1-8] LF behind chunk data', chunks(`1\r\na\n${LAST}`), /longer than its size/),
  malformed('[H1-8] CR and another byte behind chunk data', chunks(`1\r\na\rX${LAST}`), /CR without LF after a chunk/),

  malformed(
    '[H1-9] a chunk extension of 20 KB',
    chunks(`1;${'x'.repeat(20_000)}\r\na\r\n${LAST}`),
    /extension that is too long/,
  ),

  malformed('[H1-11] LF ends the request line', 'GET / HTTP/1.1\nHost: app\r\n\r\n', /bare LF/),
  malformed('[H1-11] LF ends a field', 'GET / HTTP/1.1\r\nHost: app\nX: y\r\n\r\n', /bare LF/),
  malformed('[H1-11] LF ends the head', 'GET / HTTP/1.1\r\nHost: app\r\n\n', /bare LF/),
  malformed('[H1-11] CR alone ends a field', 'GET / HTTP/1.1\r\nHost: app\rX: y\r\n\r\n', /CR without LF/),
  malformed('[H1-11] CR LF CR X', 'GET / HTTP/1.1\r\nHost: app\r\n\rX', /CR without LF/),

  malformed('[H1-12] a folded field', get('Host: app\r\nX: y\r\n z\r\n'), /not "name: value"/),
  malformed('[H1-12] a space before a colon', get('Host: app\r\nX : y\r\n'), /not "name: value"/),
  malformed('[H1-12] an empty name', get('Host: app\r\n: y\r\n'), /not "name: value"/),
  malformed('[H1-12] no colon', get('Host: app\r\nX\r\n'), /not "name: value"/),

  malformed('[H1-13] NUL in a value', get('Host: app\r\nX: a\0b\r\n'), /control character/),
  malformed('[H1-13] 0x01 in a value', get('Host: app\r\nX: a\x01b\r\n'), /control character/),
  malformed('[H1-13] DEL in a value', get('Host: app\r\nX: a\x7fb\r\n'), /control character/),
  malformed('[H1-13] NUL in the target', line('GET /\0 HTTP/1.1'), /control character/),
  malformed('[H1-13] a tab in the target', line('GET /a\tb HTTP/1.1'), /malformed target/),

  malformed('[H1-14] no Host', 'GET / HTTP/1.1\r\n\r\n', /no Host/),
  malformed('[H1-14] two Hosts', get('Host: app\r\nHost: other\r\n'), /Host twice/),
  malformed('[H1-14] two Hosts, alike', get('Host: app\r\nhost: app\r\n'), /Host twice/),

  malformed('[H1-15] userinfo in Host', host('user@app'), /malformed Host/),
  malformed('[H1-15] a path in Host', host('app/admin'), /malformed Host/),
  malformed('[H1-15] a list in Host', host('app, other'), /malformed Host/),

  malformed(
    '[H1-16] absolute-form that differs from Host',
    line('GET http://other/ HTTP/1.1'),
    /target and Host differ/,
  ),
  malformed(
    '[H1-16] absolute-form with another port than Host',
    line('GET http://app:8080/ HTTP/1.1'),
    /target and Host differ/,
  ),
  malformed('[H1-16] absolute-form with userinfo', line('GET http://user@app/ HTTP/1.1'), /malformed authority/),

  malformed('[H1-17] a fragment', line('GET /a#b HTTP/1.1'), /malformed target/),
  malformed('[H1-17] a fragment in absolute-form', line('GET http://app/#b HTTP/1.1'), /malformed target/),

  malformed('[H1-18] HTTP/0.9', 'GET /\r\n', /HTTP\/0\.9/),
  malformed('[H1-18] HTTP/2.0 in a request line', line('GET / HTTP/2.0'), /version other than/, 505),
  malformed('[H1-18] HTTP/1.2', line('GET / HTTP/1.2'), /version other than/, 505),

  malformed(
    '[H1-19] a head of more than 64 KiB',
    get(`Host: app\r\n${`X: ${'y'.repeat(8_000)}\r\n`.repeat(9)}`),
    /head is too large/,
    431,
  ),
  malformed(
    '[H1-19] a field of more than 64 KiB',
    get(`Host: app\r\nX: ${'y'.repeat(HEAD_BYTES_MAX)}\r\n`),
    /head is too large/,
    431,
  ),
  malformed(
    '[H1-19] more than a hundred fields',
    get(`Host: app\r\n${'X: y\r\n'.repeat(100)}`),
    /too many fields/,
    431,
  ),
  malformed(
    '[H1-19] a target of more than 16 KiB',
    line(`GET /${'x'.repeat(TARGET_BYTES_MAX)} HTTP/1.1`),
    /target is too long/,
    414,
  ),
  malformed(
    '[H1-19] a request line that never ends',
    `GET /${'x'.repeat(2 * TARGET_BYTES_MAX)}`,
    /request line is too long/,
    414,
  ),

  malformed('[H1-20] an unknown Expect', post('Expect: wonders\r\nContent-Length: 1\r\n', 'a'), /unknown Expect/, 417),
  malformed(
    '[H1-20] Expect twice',
    post('Expect: 100-continue\r\nExpect: 100-continue\r\nContent-Length: 1\r\n', 'a'),
    /unknown Expect/,
    417,
  ),
]
