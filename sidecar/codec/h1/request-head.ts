import { err, ok, type Result, TARGET_BYTES_MAX } from '../../../common/mod.ts'
import {
  type BodyFraming,
  Headers,
  isHost,
  isTargetByte,
  isTokenByte,
  NO_BODY,
  ownText,
  type RequestHead,
} from '../../http/mod.ts'
import { connectionOptions, framingOf, valueAt } from './framing.ts'
import type { HeadScanner } from './head-scanner.ts'
import { type H1Problem, problem } from './problem.ts'

/**
 * Reads a scanned request's head (RFC 9112, 3 and 6; RFC 9110, 7.2). `text` is the head in latin1.
 * Everything that two parsers could read in two ways is refused.
 */
export function readRequestHead(scanned: HeadScanner, text: string): Result<RequestHead, H1Problem> {
  const line = startLine(scanned, text)
  if (!line.ok) return line
  const { method, target: rawTarget, minorVersion } = line.value
  if (scanned.hosts > 1) return err(problem(400, 'Host twice'))
  const host = scanned.hosts === 1 ? valueAt(scanned, text, scanned.hostMark) : undefined
  if (host === undefined && minorVersion === 1) return err(problem(400, 'no Host'))
  if (host !== undefined && host !== scanned.knownHost) {
    if (host !== '' && !isHost(host)) return err(problem(400, 'a malformed Host'))
    scanned.knownHost = ownText(host)
  }
  const aimed = aim(method, rawTarget, host)
  if (!aimed.ok) return aimed
  const framing = framingOf(scanned, text, minorVersion)
  if (!framing.ok) return framing
  if (method === 'CONNECT' && framing.value !== undefined && framing.value !== NO_BODY)
    return err(problem(400, 'a CONNECT with a body'))
  if (scanned.expects > 1 || (scanned.expects === 1 && !expectsContinue(scanned, text)))
    return err(problem(417, 'an unknown Expect'))
  const options = connectionOptions(scanned, text)
  if (options.excessive) return err(problem(400, 'a Connection that names too many fields'))
  const headers = new Headers(text, scanned.marks, scanned.fieldsStart, scanned.fieldsEnd, scanned.gaps)
  for (const name of options.names) headers.remove(name)
  // What goes on is HTTP/1.1, which has a Host; and one that names the target's host, whatever form it came in.
  if (host === undefined) headers.add('host', aimed.value.authority)
  // Which of several is the true parent can't be told: the trace begins anew, as W3C Trace Context has it for what is malformed.
  if (scanned.traceparents > 1) headers.remove('traceparent')
  return ok({
    method,
    target: aimed.value.target,
    authority: aimed.value.authority,
    headers,
    body: framing.value ?? NO_BODY,
    httpVersion: 1,
    grpc: false,
    minorVersion,
    keepAlive: minorVersion === 1 ? !options.close : options.keepAlive && !options.close,
    expectContinue: scanned.expects === 1 && minorVersion === 1,
    upgrade: options.upgrade && minorVersion === 1 ? upgradeOf(scanned, text, framing.value ?? NO_BODY) : undefined,
    hasMeshFields: scanned.meshFields,
    traceparent: scanned.traceparents === 1 ? valueAt(scanned, text, scanned.traceparentMark) : undefined,
  })
}

function expectsContinue(scanned: HeadScanner, text: string): boolean {
  return valueAt(scanned, text, scanned.expectMark).toLowerCase() === '100-continue'
}

/** One protocol, with or without a version. */
const PROTOCOL = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+(?:\/[!#$%&'*+.^_`|~0-9A-Za-z-]+)?$/
/** HTTP inside a tunnel would go past all that looks at requests (and RFC 9113, 3.1 has withdrawn `h2c`). */
const HTTP_AGAIN = /^(?:h2c?|h3|https?)(?:\/|$)/i

/** The protocol to switch to that is handed on. A request with a body, a list, or more HTTP is served as if nothing had been asked (RFC 9110, 7.8). */
function upgradeOf(scanned: HeadScanner, text: string, body: BodyFraming): string | undefined {
  if (scanned.upgrades !== 1 || body !== NO_BODY) return undefined
  const protocol = valueAt(scanned, text, scanned.upgradeMark)
  return PROTOCOL.test(protocol) && !HTTP_AGAIN.test(protocol) ? ownText(protocol) : undefined
}

interface StartLine {
  readonly method: string
  readonly target: string
  readonly minorVersion: 0 | 1
}

function startLine(scanned: HeadScanner, text: string): Result<StartLine, H1Problem> {
  const start = scanned.leading
  const end = scanned.startLineEnd
  const methodEnd = text.indexOf(' ', start)
  const targetEnd = text.lastIndexOf(' ', end - 1)
  if (methodEnd <= start || methodEnd >= end || targetEnd <= methodEnd)
    return err(problem(400, 'not a request line (HTTP/0.9 is not served)'))
  const version = text.slice(targetEnd + 1, end)
  if (version !== 'HTTP/1.1' && version !== 'HTTP/1.0') {
    return err(
      /^HTTP\/[0-9]\.[0-9]$/.test(version)
        ? problem(505, 'a version other than HTTP/1.0 and 1.1')
        : problem(400, 'a malformed version'),
    )
  }
  for (let i = start; i < methodEnd; i++) {
    if (!isTokenByte(text.charCodeAt(i))) return err(problem(400, 'a malformed method'))
  }
  if (targetEnd - methodEnd - 1 > TARGET_BYTES_MAX) return err(problem(414, 'the target is too long'))
  for (let i = methodEnd + 1; i < targetEnd; i++) {
    if (!isTargetByte(text.charCodeAt(i))) return err(problem(400, 'a malformed target'))
  }
  return ok({
    method: text.slice(start, methodEnd),
    target: text.slice(methodEnd + 1, targetEnd),
    minorVersion: version === 'HTTP/1.1' ? 1 : 0,
  })
}

interface Aim {
  readonly target: string
  readonly authority: string
}

/** The four forms of a target (RFC 9112, 3.2) become one target and one authority, which routing and authorization share. */
function aim(method: string, target: string, host: string | undefined): Result<Aim, H1Problem> {
  if (method === 'CONNECT') {
    if (!isHost(target) || !/:[0-9]{1,5}$/.test(target)) return err(problem(400, 'CONNECT wants host:port'))
    // Clients name the port in Host, or don't; both mean the target's.
    if (host !== undefined && host !== '' && !sameAuthority(host, target, /:[0-9]+$/.exec(target)![0]))
      return err(problem(400, 'the target and Host differ'))
    return ok({ target, authority: target })
  }
  if (target.charCodeAt(0) === 47) return ok({ target, authority: host ?? '' })
  if (target === '*')
    return method === 'OPTIONS' ? ok({ target, authority: host ?? '' }) : err(problem(400, '"*" is for OPTIONS'))
  const match = /^http:\/\/([^/?]*)(.*)$/i.exec(target)
  if (match === null) return err(problem(400, 'a target that is neither a path nor an http URL'))
  const authority = match[1]!
  if (!isHost(authority)) return err(problem(400, 'a malformed authority'))
  if (host !== undefined && !sameAuthority(host, authority, ':80'))
    return err(problem(400, 'the target and Host differ'))
  const rest = match[2]!
  return ok({ target: rest === '' ? '/' : rest.startsWith('?') ? `/${rest}` : rest, authority })
}

/** Case doesn't matter, nor whether the port is left out where it is `defaultPort` (`:80`). */
function sameAuthority(a: string, b: string, defaultPort: string): boolean {
  return a === b || withoutPort(a, defaultPort) === withoutPort(b, defaultPort)
}

function withoutPort(authority: string, port: string): string {
  const lower = authority.toLowerCase()
  return lower.endsWith(port) ? lower.slice(0, -port.length) : lower
}
