import { METHODS } from 'node:http'
import type { Difference } from './compare.ts'

/** A way in which our server and Node's part, and why that is right. docs/http1.md is this table, in words; a test holds the two together. */
export interface DifferenceClass {
  readonly name: string
  readonly kind: Difference['kind']
  /** RFC and section. */
  readonly rfc: string
  /** What the one that refused said. */
  readonly why: RegExp
  /** Whether the bytes really are of this class; told from the bytes alone. */
  readonly holds: (difference: Difference) => boolean
}

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
const HOST = /^(\[[0-9a-fA-F:.]+\]|[0-9A-Za-z._~-]+)(:[0-9]{1,5})?$/

/** The start line, without the empty lines before it. */
function startLine({ text }: Difference): string {
  return text.replace(/^[\r\n]+/, '').split(/\r?\n/, 1)[0] ?? ''
}

function parts(difference: Difference): { method: string; target: string; version: string } {
  const line = startLine(difference)
  const [first, last] = [line.indexOf(' '), line.lastIndexOf(' ')]
  if (first === -1 || first === last)
    return { method: line.split(' ')[0] ?? '', target: line.slice(first + 1), version: '' }
  return { method: line.slice(0, first), target: line.slice(first + 1, last), version: line.slice(last + 1) }
}

/** Values of the fields of that name in the head. */
function values({ head }: Difference, lowerName: string): string[] {
  return head.split('\r\n').flatMap(line => {
    const colon = line.indexOf(':')
    return line.slice(0, colon).toLowerCase() === lowerName
      ? [line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, '')]
      : []
  })
}

/** What comes behind the head of a request in chunks: its body, its trailers, and the requests after it. */
function behindChunks(difference: Difference): string {
  const chunked = values(difference, 'transfer-encoding').some(value => value.toLowerCase() === 'chunked')
  return chunked ? difference.text.slice(difference.head.length) : ''
}

const stricter = (
  name: string,
  rfc: string,
  why: RegExp,
  holds: (difference: Difference) => boolean,
): DifferenceClass => ({
  ...{ name, rfc, why, holds },
  kind: 'stricter',
})
const laxer = (
  name: string,
  rfc: string,
  why: RegExp,
  holds: (difference: Difference) => boolean,
): DifferenceClass => ({
  ...{ name, rfc, why, holds },
  kind: 'laxer',
})

/** Where nobody listens for upgrades, Node loses what comes in the same piece as such a head, and errors in the body behind it. */
const UPGRADE = 'What follows a request that asks to upgrade'

function asksToUpgrade({ before, head }: Difference): boolean {
  return /^upgrade:/im.test(before + head) && /^connection:.*\bupgrade\b/im.test(before + head)
}

export const CLASSES: readonly DifferenceClass[] = [
  stricter('Two Host fields', 'RFC 9112, 3.2', /^Host twice$/, d => values(d, 'host').length > 1),
  stricter(
    'No Host',
    'RFC 9112, 3.2',
    /^no Host$/,
    d => values(d, 'host').length === 0 && parts(d).version === 'HTTP/1.1',
  ),
  stricter('A Host that is no host and port', 'RFC 9110, 7.2', /^a malformed Host$/, d =>
    values(d, 'host').some(value => value !== '' && !HOST.test(value)),
  ),
  stricter('A target and a Host that differ', 'RFC 9112, 3.2.2', /^the target and Host differ$/, d => {
    const { method, target } = parts(d)
    return method === 'CONNECT' || /^http:\/\//i.test(target)
  }),
  stricter('An authority that is no host and port', 'RFC 9110, 4.2.4', /^a malformed authority$/, d => {
    const authority = /^http:\/\/([^/?]*)/i.exec(parts(d).target)?.[1]
    return authority !== undefined && !HOST.test(authority)
  }),
  stricter(
    'A target with a fragment, a space or a control character',
    'RFC 9112, 3.2',
    /^a malformed target$/,
    d => /[#\x00-\x20\x7f]/.test(parts(d).target) || parts(d).target === '',
  ),
  stricter(
    'A target that is neither a path nor an http URL',
    'RFC 9112, 3.2',
    /^a target that is neither/,
    d => !/^\/|^http:\/\/|^\*$/i.test(parts(d).target),
  ),
  stricter('"*" for another method than OPTIONS', 'RFC 9112, 3.2.4', /^"\*" is for OPTIONS$/, d => {
    const { method, target } = parts(d)
    return target === '*' && method !== 'OPTIONS'
  }),
  stricter('A CONNECT to something else than host and port', 'RFC 9112, 3.2.3', /^CONNECT wants host:port$/, d => {
    const { method, target } = parts(d)
    return method === 'CONNECT' && !(HOST.test(target) && /:[0-9]+$/.test(target))
  }),
  stricter(
    'A CONNECT with a body, or bytes before the answer to it',
    'RFC 9110, 9.3.6',
    /^a CONNECT with a body$|^bytes before the answer/,
    d => parts(d).method === 'CONNECT',
  ),
  stricter(
    'A version other than HTTP/1.0 and 1.1',
    'RFC 9112, 2.3',
    /^a version other than|^a malformed version$/,
    d => !/^HTTP\/1\.[01]$/.test(parts(d).version),
  ),
  stricter(
    'HTTP/0.9, and lines that look like it',
    'RFC 9112, 3',
    /HTTP\/0\.9|^a bare LF ends a line$|^neither HTTP/,
    d => parts(d).version === '' || !/^HTTP\//i.test(parts(d).version) || parts(d).target === '',
  ),
  stricter(
    'More than one empty line, or a bare CR or LF, before a request',
    'RFC 9112, 2.2',
    /^empty lines before|^a bare LF|^a CR without LF$/,
    d => /^(\r\n\r\n|\r?\n|\r)/.test(d.text) && !/^\r\n[^\r\n]/.test(d.text),
  ),
  stricter(
    'Transfer-Encoding more than once',
    'RFC 9112, 6.1',
    /^Transfer-Encoding twice$/,
    d => values(d, 'transfer-encoding').length > 1,
  ),
  stricter('Transfer-Encoding other than chunked', 'RFC 9112, 6.1', /^a Transfer-Encoding other than chunked$/, d =>
    values(d, 'transfer-encoding').some(value => value.toLowerCase() !== 'chunked'),
  ),
  stricter(
    'Transfer-Encoding in HTTP/1.0',
    'RFC 9112, 6.1',
    /^Transfer-Encoding in HTTP\/1\.0$/,
    d => parts(d).version === 'HTTP/1.0' && values(d, 'transfer-encoding').length > 0,
  ),
  stricter('A Content-Length of more than 15 digits', 'RFC 9110, 8.6', /^Content-Length is not a whole number$/, d =>
    values(d, 'content-length').some(value => /^[0-9]{16,}$/.test(value)),
  ),
  stricter('An Expect that is not 100-continue, once', 'RFC 9110, 10.1.1', /^an unknown Expect$/, d => {
    const expects = values(d, 'expect')
    return expects.length > 1 || expects.some(value => value.toLowerCase() !== '100-continue')
  }),

  stricter('A chunk extension that is none', 'RFC 9112, 7.1.1', /chunk extension/, d =>
    /^[0-9a-f]+;/im.test(behindChunks(d)),
  ),

  stricter('A chunk size of more than 13 digits', 'RFC 9112, 7.1', /^a chunk size that is too large$/, d =>
    /^[0-9a-f]{14,}/im.test(behindChunks(d)),
  ),
  stricter(UPGRADE, 'RFC 9110, 7.8', /./, asksToUpgrade),
  { ...{ name: UPGRADE, rfc: 'RFC 9110, 7.8', why: /^$/ }, kind: 'otherwise', holds: asksToUpgrade },
  {
    ...{ name: 'close and keep-alive together in HTTP/1.0', kind: 'otherwise', rfc: 'RFC 9112, 9.3', why: /^$/ },
    holds: ({ before }) =>
      / HTTP\/1\.0\r\n/.test(before) &&
      /^connection:.*\bclose\b/im.test(before) &&
      /^connection:.*keep-alive/im.test(before),
  },

  laxer('A method that Node does not know', 'RFC 9110, 9.1', /^HPE_INVALID_METHOD$/, d => {
    const { method } = parts(d)
    return TOKEN.test(method) && !METHODS.includes(method)
  }),
  laxer('A byte above 0x7F in the target', 'RFC 9112, 3.2', /^HPE_INVALID_URL$/, d =>
    /[\x80-\xff]/.test(parts(d).target),
  ),
  laxer(
    'Framing fields in trailers',
    'RFC 9110, 6.5.1',
    /^HPE_INVALID_(CONTENT_LENGTH|TRANSFER_ENCODING)$|^HPE_UNEXPECTED_CONTENT_LENGTH$/,
    d => /^(content-length|transfer-encoding):/im.test(behindChunks(d)),
  ),
  laxer('A tab behind chunked', 'RFC 9110, 5.6.3', /^HPE_INVALID_TRANSFER_ENCODING$/, d =>
    /^transfer-encoding:[ \t]*chunked[ \t]*\t/im.test(d.head),
  ),
  // Node closes behind that request; we read on.
  laxer('Connection in trailers', 'RFC 9110, 6.5.1', /^HPE_CLOSED_CONNECTION$/, d =>
    /\r\n0+(;[^\r\n]*)?\r\n([^\r\n]+\r\n)*connection:/i.test(d.before),
  ),
]

export function classOf(difference: Difference): DifferenceClass | undefined {
  return CLASSES.find(
    ({ kind, why, holds }) => kind === difference.kind && why.test(difference.why) && holds(difference),
  )
}
