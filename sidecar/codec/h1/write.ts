import type { Headers, RequestHead, ResponseHead } from '../../http/mod.ts'

const CRLF = '\r\n'
const LAST_CHUNK = '0\r\n\r\n'
export const CHUNK_END = CRLF

/** A request's head as it goes upstream: always HTTP/1.1, always keep-alive. */
export function requestHeadText(head: RequestHead): string {
  const framing = head.body.kind === 'chunked' ? 'transfer-encoding: chunked\r\n' : ''
  const hop = head.upgrade === undefined ? framing : `connection: upgrade\r\nupgrade: ${head.upgrade}\r\n`
  return `${head.method} ${head.target} HTTP/1.1\r\n${head.headers.toText()}${hop}\r\n`
}

/** The answer after which a connection is a tunnel (RFC 9110, 15.2.2). */
export function switchHeadText(head: ResponseHead): string {
  const hop = `connection: upgrade\r\nupgrade: ${head.upgrade ?? ''}\r\n`
  return `HTTP/1.1 ${head.status} ${head.reason}\r\n${head.headers.toText()}${hop}\r\n`
}

/** `empty`: there is no body, and the head has to say so. */
export type AnswerFraming = 'as-is' | 'empty' | 'chunked' | 'until-close'

/**
 * How an answer's body is delimited towards its caller: HTTP/1.0 knows no chunks. An answer of HTTP/2 that has ended with its head need not name a
 * length; one of HTTP/1.1 without it would go on until the connection ends (RFC 9112, 6.3).
 */
export function answerFraming(head: ResponseHead, minorVersion: 0 | 1, method: string): AnswerFraming {
  const { body, status, headers } = head
  if (method === 'HEAD' || body.kind === 'length') return 'as-is'
  if (body.kind === 'none') {
    const never = status < 200 || status === 204 || status === 304
    return never || headers.has('content-length') ? 'as-is' : 'empty'
  }
  return minorVersion === 1 ? 'chunked' : 'until-close'
}

export function responseHeadText(
  head: ResponseHead,
  framing: AnswerFraming,
  connection: 'default' | 'close' | 'keep-alive',
): string {
  const body =
    framing === 'chunked' ? 'transfer-encoding: chunked\r\n' : framing === 'empty' ? 'content-length: 0\r\n' : ''
  const hop = connection === 'default' ? '' : `connection: ${connection}\r\n`
  return `HTTP/1.1 ${head.status} ${head.reason}\r\n${head.headers.toText()}${body}${hop}\r\n`
}

export function chunkStart(bytes: number): string {
  return bytes.toString(16) + CRLF
}

/** The end of a body in chunks, with its trailers. */
export function lastChunk(trailers: Headers | undefined): string {
  return trailers === undefined ? LAST_CHUNK : `0\r\n${trailers.toText()}\r\n`
}
