import { isHost, isTokenByte } from '../../http/mod.ts'
import type { Classify } from './hpack/mod.ts'

/** What a field is to those who read heads. Of a field in the table it is worked out once. */
export const KIND = {
  regular: 0,
  method: 1,
  scheme: 2,
  authority: 3,
  path: 4,
  status: 5,
  protocol: 6,
  host: 7,
  cookie: 8,
  contentLength: 9,
  traceparent: 10,
  expect: 11,
  /** `te: trailers`, which alone may travel (RFC 9113, 8.2.2). */
  te: 12,
  /** `content-type: application/grpc` and its kind. */
  grpc: 13,
  /** A name that begins with `x-selvedge-`. */
  mesh: 14,
  /** What our sidecars tell each other of the application's protocol. */
  edge: 15,
  /** Nothing that a head may hold. */
  malformed: 16,
} as const

/** On the way between sidecars: the application that made the request spoke HTTP/2. */
export const EDGE_FIELD = 'x-selvedge-edge'
export const EDGE_HTTP2 = 'h2'
/** On the way between sidecars: an answer with a 2xx to a request that wanted to switch protocols, which was not done. */
export const DECLINED_FIELD = 'x-selvedge-declined'

const PSEUDO: Readonly<Record<string, number>> = {
  ':method': KIND.method,
  ':scheme': KIND.scheme,
  ':authority': KIND.authority,
  ':path': KIND.path,
  ':status': KIND.status,
  ':protocol': KIND.protocol,
}
/** Fields that belong to one connection of HTTP/1.1 (RFC 9113, 8.2.2). */
const CONNECTION_SPECIFIC: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
])
const NAMED: Readonly<Record<string, number>> = {
  te: KIND.te,
  host: KIND.host,
  'content-type': KIND.grpc,
  cookie: KIND.cookie,
  'content-length': KIND.contentLength,
  traceparent: KIND.traceparent,
  expect: KIND.expect,
  [EDGE_FIELD]: KIND.edge,
}
const MESH_PREFIX = /^x[-_]selvedge[-_]/

/** RFC 9113, 8.2 and 8.3. */
export const classify: Classify = { name: kindOfName, field: kindOfField }

/** What a field of this name is at best; `content-type` may be gRPC's. */
function kindOfName(name: string): number {
  if (name.charCodeAt(0) === 58) return Object.hasOwn(PSEUDO, name) ? PSEUDO[name]! : KIND.malformed
  if (!isLowerName(name) || CONNECTION_SPECIFIC.has(name)) return KIND.malformed
  if (Object.hasOwn(NAMED, name)) return NAMED[name]!
  return MESH_PREFIX.test(name) ? KIND.mesh : KIND.regular
}

/** What a pseudo-field holds has rules of its own; that it is no control character and begins and ends with no space, it shares with all. */
function kindOfField(nameKind: number, value: string, clean: boolean): number {
  if (!clean || isSpace(value, 0) || isSpace(value, value.length - 1)) return KIND.malformed
  switch (nameKind) {
    case KIND.te:
      return value === 'trailers' ? KIND.te : KIND.malformed
    case KIND.host:
      return value === '' || isHost(value) ? KIND.host : KIND.malformed
    case KIND.grpc:
      return isGrpc(value) ? KIND.grpc : KIND.regular
    default:
      return nameKind
  }
}

/** `application/grpc`, `application/grpc+proto`, with or without parameters; not `application/grpc-web`. */
function isGrpc(contentType: string): boolean {
  return /^application\/grpc(?:$|[+; ])/.test(contentType)
}

function isLowerName(name: string): boolean {
  if (name.length === 0) return false
  for (let i = 0; i < name.length; i++) {
    const c = name.charCodeAt(i)
    if (!isTokenByte(c) || (c >= 65 && c <= 90)) return false
  }
  return true
}

/** RFC 9113, 8.2.1. */
function isSpace(value: string, at: number): boolean {
  if (at < 0 || at >= value.length) return false
  const c = value.charCodeAt(at)
  return c === 32 || c === 9
}
