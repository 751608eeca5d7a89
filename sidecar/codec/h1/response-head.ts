import { err, ok, type Result } from '../../../common/mod.ts'
import { type BodyFraming, Headers, NO_BODY, ownText, type ResponseHead, UNTIL_CLOSE } from '../../http/mod.ts'
import { connectionOptions, framingOf, valueAt } from './framing.ts'
import type { HeadScanner } from './head-scanner.ts'
import { type H1Problem, problem } from './problem.ts'

/** Reads a scanned answer's head (RFC 9112, 4 and 6.3). `method` is the request's: an answer to HEAD, and 1xx, 204 and 304, have no body. */
export function readResponseHead(scanned: HeadScanner, text: string, method: string): Result<ResponseHead, H1Problem> {
  const end = scanned.startLineEnd
  const start = scanned.leading
  if (start !== 0) return err(problem(400, 'an empty line before the status line'))
  if (!text.startsWith('HTTP/1.') || text.charCodeAt(8) !== 32 || (end > 12 && text.charCodeAt(12) !== 32)) {
    return err(problem(400, 'not a status line'))
  }
  const minor = text.charCodeAt(7) - 48
  if (minor !== 0 && minor !== 1) return err(problem(400, 'a version other than HTTP/1.0 and 1.1'))
  const status = end < 12 ? 0 : statusAt(text)
  if (status < 100 || status > 599) return err(problem(400, 'a malformed status'))
  // RFC 9110, 15.2: HTTP/1.0 has none. Behind one its connection would be over, and another answer could follow all the same.
  if (status < 200 && minor === 0) return err(problem(400, 'an interim answer of HTTP/1.0'))
  const framing = framingOf(scanned, text, minor)
  if (!framing.ok) return framing
  const options = connectionOptions(scanned, text)
  if (options.excessive) return err(problem(400, 'a Connection that names too many fields'))
  const headers = new Headers(text, scanned.marks, scanned.fieldsStart, scanned.fieldsEnd, scanned.gaps)
  for (const name of options.names) headers.remove(name)
  // RFC 9110, 8.6: never a Content-Length there. A reader that went by it would take the next answer for a body.
  if (scanned.contentLengths > 0 && (status < 200 || status === 204)) headers.remove('content-length')
  const body = bodyOf(framing.value, status, method)
  return ok({
    status,
    reason: text.slice(13, end),
    headers,
    body,
    keepAlive: body.kind !== 'until-close' && (minor === 1 ? !options.close : options.keepAlive && !options.close),
    upgrade:
      status === 101 && options.upgrade && scanned.upgrades === 1
        ? ownText(valueAt(scanned, text, scanned.upgradeMark))
        : undefined,
    hasMeshFields: scanned.meshFields,
  })
}

/** A server that says more than a day says nothing. */
const IDLE_SECONDS = /(?:^|[ \t,;])timeout[ \t]*=[ \t]*"?([0-9]{1,5})(?![0-9])/i

/** The value of a scanned answer's `Keep-Alive`; empty where there is none. */
export function keepAliveOf(scanned: HeadScanner, text: string): string {
  return scanned.keepAliveMark === -1 ? '' : valueAt(scanned, text, scanned.keepAliveMark)
}

/** How long a server keeps a connection on which nothing comes, as its `Keep-Alive: timeout=5` says (RFC 2068, 19.7.1.1), in milliseconds; `undefined` where it doesn't. */
export function idleMsSaid(keepAlive: string): number | undefined {
  const seconds = IDLE_SECONDS.exec(keepAlive)?.[1]
  return seconds === undefined ? undefined : Number(seconds) * 1000
}

/** Three digits at their fixed place; 0 when they aren't. */
function statusAt(text: string): number {
  const hundreds = text.charCodeAt(9) - 48
  const tens = text.charCodeAt(10) - 48
  const ones = text.charCodeAt(11) - 48
  if (hundreds < 1 || hundreds > 5 || tens < 0 || tens > 9 || ones < 0 || ones > 9) return 0
  return hundreds * 100 + tens * 10 + ones
}

function bodyOf(framing: BodyFraming | undefined, status: number, method: string): BodyFraming {
  if (method === 'HEAD' || status < 200 || status === 204 || status === 304) return NO_BODY
  return framing ?? UNTIL_CLOSE
}
