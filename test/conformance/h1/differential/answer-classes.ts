import type { AnswerVerdict, AnswerWire } from './answers.ts'

/** A way in which our client and Node's part over an answer. docs/http1.md is this table, in words; a test holds the two together. */
export interface AnswerClass {
  readonly name: string
  readonly kind: 'stricter' | 'laxer' | 'otherwise'
  readonly rfc: string
  /** What the one that refused said. */
  readonly why: RegExp
  /** Told from the bytes alone. */
  readonly holds: (text: string) => boolean
}

export interface AnswerDifference {
  readonly kind: AnswerClass['kind']
  readonly why: string
  readonly text: string
}

/** Both, one or none took an answer for whole; what is not whole on both sides is alike. */
export function answerDifference(
  { bytes }: AnswerWire,
  ours: AnswerVerdict,
  theirs: AnswerVerdict,
): AnswerDifference | undefined {
  if (!ours.whole && !theirs.whole) return undefined
  const text = bytes.toString('latin1')
  if (!ours.whole) return { kind: 'stricter', why: ours.why, text }
  if (!theirs.whole) return { kind: 'laxer', why: theirs.why, text }
  return JSON.stringify(ours.answer) === JSON.stringify(theirs.answer)
    ? undefined
    : { kind: 'otherwise', why: '', text }
}

/** All heads of the text, interim answers included, without what comes behind the last. */
function heads(text: string): string[] {
  const found: string[] = []
  for (let rest = text; ; ) {
    const end = rest.indexOf('\r\n\r\n', 2)
    found.push(end === -1 ? rest : rest.slice(0, end + 2))
    if (end === -1 || !/^[\r\n]*HTTP\/1\.[01] 1/.test(rest)) return found
    rest = rest.slice(end + 4)
  }
}

const inHeads = (pattern: RegExp) => (text: string) => heads(text).some(head => pattern.test(head))
const inLines = (pattern: RegExp) => inHeads(new RegExp(`^${pattern.source}`, 'im'))

export const ANSWER_CLASSES: readonly AnswerClass[] = [
  {
    ...{ name: 'A version other than HTTP/1.0 and 1.1 in an answer', kind: 'stricter', rfc: 'RFC 9112, 4' },
    why: /^not a status line$|^a version other than|^not a start line/,
    holds: text => heads(text).some(head => !/^HTTP\/1\.[01] [0-9]{3}( |\r|$)/.test(head)),
  },
  {
    ...{ name: 'A status below 100 or above 599', kind: 'stricter', rfc: 'RFC 9110, 15' },
    why: /^a malformed status$/,
    holds: inHeads(/^[\r\n]*HTTP\/1\.[01] (0|[6-9]|[0-9]{0,2}( |\r)|[0-9]{4}|.{0,2}[^0-9 ])/),
  },
  {
    ...{ name: 'An interim answer of HTTP/1.0', kind: 'stricter', rfc: 'RFC 9110, 15.2' },
    why: /^an interim answer of HTTP\/1\.0$/,
    holds: inHeads(/^[\r\n]*HTTP\/1\.0 1/),
  },
  {
    ...{ name: 'A switch of protocols that nobody asked for', kind: 'stricter', rfc: 'RFC 9110, 15.2.2' },
    why: /^a switch of protocols/,
    holds: inHeads(/^[\r\n]*HTTP\/1\.[01] 101/),
  },
  {
    ...{ name: 'Empty lines, CR or LF before a status line', kind: 'stricter', rfc: 'RFC 9112, 4' },
    why: /^an empty line before|^empty lines before|^a bare LF|^a CR without LF/,
    holds: inHeads(/^[\r\n]/),
  },
  {
    ...{ name: 'A control character in a reason phrase', kind: 'stricter', rfc: 'RFC 9112, 4' },
    why: /^a control character in the head$|^a CR without LF$/,
    holds: inHeads(/^[\r\n]*HTTP\/\S* [^\r\n]*[\x00-\x08\x0b-\x1f\x7f]/),
  },
  {
    ...{ name: 'Transfer-Encoding other than chunked in an answer', kind: 'stricter', rfc: 'RFC 9112, 6.1' },
    why: /^a Transfer-Encoding other than chunked$|^Transfer-Encoding twice$|^Content-Length together/,
    holds: inLines(/transfer-encoding:/),
  },
  {
    ...{ name: 'Transfer-Encoding in an answer of HTTP/1.0', kind: 'stricter', rfc: 'RFC 9112, 6.1' },
    why: /^Transfer-Encoding in HTTP\/1\.0$/,
    holds: inHeads(/^[\r\n]*HTTP\/1\.0[\s\S]*\r\ntransfer-encoding:/i),
  },
  {
    ...{ name: 'A Content-Length of more than 15 digits in an answer', kind: 'stricter', rfc: 'RFC 9110, 8.6' },
    why: /^Content-Length is not a whole number$/,
    holds: inLines(/content-length:[ \t]*[0-9]{16,}/),
  },
  {
    ...{
      name: 'A chunk size of more than 13 digits, or an extension that is none, in an answer',
      kind: 'stricter',
      rfc: 'RFC 9112, 7.1',
    },
    why: /chunk extension|^a chunk size that is too large$/,
    holds: text => /^[0-9a-f]{14,}/im.test(text) || /^[0-9a-f]+;/im.test(text),
  },
  {
    ...{ name: 'Framing fields in the trailers of an answer', kind: 'laxer', rfc: 'RFC 9110, 6.5.1' },
    why: /^HPE_INVALID_(CONTENT_LENGTH|TRANSFER_ENCODING)$|^HPE_UNEXPECTED_CONTENT_LENGTH$/,
    holds: text => /^(content-length|transfer-encoding):/im.test(text.slice(heads(text).join('\r\n').length)),
  },
  {
    ...{ name: 'A tab behind chunked in an answer', kind: 'otherwise', rfc: 'RFC 9110, 5.6.3' },
    why: /^$/,
    holds: inLines(/transfer-encoding:[ \t]*chunked[ \t]*\t/),
  },
  // The chunks are read, and may be malformed.
  {
    ...{ name: 'A tab behind chunked in an answer', kind: 'stricter', rfc: 'RFC 9110, 5.6.3' },
    why: /./,
    holds: inLines(/transfer-encoding:[ \t]*chunked[ \t]*\t/),
  },
  {
    ...{ name: 'A Content-Length with 204', kind: 'otherwise', rfc: 'RFC 9110, 8.6' },
    why: /^$/,
    holds: inHeads(/^[\r\n]*HTTP\/1\.[01] 204[\s\S]*\r\ncontent-length:/i),
  },
]

export function answerClassOf({ kind, why, text }: AnswerDifference): AnswerClass | undefined {
  return ANSWER_CLASSES.find(each => each.kind === kind && each.why.test(why) && each.holds(text))
}
