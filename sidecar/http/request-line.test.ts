import fc from 'fast-check'
import { expect, test } from 'vitest'
import { RequestLineWatch } from './request-line.ts'

/** Whether a request is seen before its line has passed, in pieces that end at `cuts`. */
function seen(text: string, cuts: readonly number[] = []): boolean {
  const bytes = Buffer.from(text, 'latin1')
  const watch = new RequestLineWatch()
  const ends = [...new Set([...cuts.map(cut => cut % (bytes.length + 1)), bytes.length])].sort((a, b) => a - b)
  let from = 0
  let passed = ''
  for (const end of ends) {
    const piece = bytes.subarray(from, end)
    if (watch.seesRequest(piece)) {
      expect(passed.trimStart()).not.toContain('\n')
      return true
    }
    passed += piece.toString('latin1')
    from = end
  }
  return false
}

const REQUESTS = [
  'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
  '\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n',
  '\n \t\r\nGET / HTTP/1.0\n\n',
  'get x HTTP/1.1 \t\r\n\r\n',
  'M-SEARCH * http/1.1\r\n\r\n',
  'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  `GET /${'x'.repeat(100_000)} HTTP/1.1\r\n`,
]
const OTHERS = [
  '*1\r\n$4\r\nPING\r\n',
  'EHLO there\r\nGET / HTTP/1.1\r\n',
  'SSH-2.0-OpenSSH_9.2\r\n',
  'get key\r\n',
  '\x16\x03\x01GET / HTTP/1.1\r\n',
  '\0\0\0\x08GET / HTTP/1.1\r\n',
  'GET / HTTP/1.1',
  '',
]

test.each(REQUESTS)('[AUTHZ-9] %j is a request, however it is cut', text => {
  fc.assert(fc.property(fc.array(fc.nat(), { maxLength: 6 }), cuts => seen(text, cuts)))
})

test.each(OTHERS)('%j is none', text => {
  fc.assert(fc.property(fc.array(fc.nat(), { maxLength: 6 }), cuts => !seen(text, cuts)))
})
