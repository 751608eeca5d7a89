import { err, ok, type Result } from '../../common/mod.ts'
import type { Refusal } from './status.ts'

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/** A call that has been let in and whose path is one of ours. */
export interface ApiCall {
  /** Who calls, for the audit log. */
  readonly actor: string
  /** What the `:name`s of the route stand for, percent-decoded. */
  readonly params: Readonly<Record<string, string>>
  readonly query: URLSearchParams
  /** Ends when the caller goes away, or its token does. */
  readonly signal: AbortSignal
  /** The body's media type, in lower case and without parameters; empty where there is none. */
  readonly contentType: string
  /** The body as text, UTF-8, if it is of one of these types (by default JSON or YAML). Empty where there is none. */
  body(types?: readonly string[]): Promise<Result<string, Refusal>>
}

export type ApiAnswer = ValueAnswer | StreamAnswer

/** One JSON value. */
export interface ValueAnswer {
  readonly code: 200 | 201
  readonly value: object
  /** Sentences for the `Warning` header (RFC 9111 keeps its name; Kubernetes uses it as `299`). */
  readonly warnings?: readonly string[]
}

/** JSON values, one a line, as they come up. */
export interface StreamAnswer {
  readonly code: 200
  readonly stream: (sink: Sink) => void
}

/** Where a stream's lines go. */
export interface Sink {
  /** What is written after the end, or to a caller that has gone, is nobody's. */
  write(line: string): void
  /** What has been written and is still here, since the caller reads slowly. */
  pendingBytes(): number
  /** Ends the answer in order; who does not read it to its end is cut off after a while. */
  end(): void
  /** Ends when the caller has gone, or the answer has ended. */
  readonly gone: AbortSignal
  /** Ends when the caller's token holds no longer: nothing more may be told. */
  readonly denied: AbortSignal
}

export interface Route {
  readonly method: Method
  /** `/api/v1/namespaces/:namespace/services/:name` */
  readonly path: string
  /** Health checks are for probes, which have no token. */
  readonly open?: boolean
  readonly answer: (call: ApiCall) => Promise<Result<ApiAnswer, Refusal>>
}

export interface Found {
  readonly route: Route
  readonly params: Readonly<Record<string, string>>
}

/** Finds the route of a path (without its query), or says why there is none: 404, or 405 with the methods that there are. */
export function findRoute(routes: readonly Route[], method: string, path: string): Result<Found, Refusal> {
  const parts = path.split('/')
  const allow: string[] = []
  for (const route of routes) {
    const params = match(route.path.split('/'), parts)
    if (params === undefined) continue
    if (route.method === method) return ok({ route, params })
    allow.push(route.method)
  }
  if (allow.length === 0) {
    return err({ code: 404, message: `Cannot find ${shown(path)}: the API has no such path. See docs/api.md.` })
  }
  const methods = [...new Set(allow)]
  return err({ code: 405, message: `Cannot ${method} ${shown(path)}: use ${methods.join(' or ')}.`, allow: methods })
}

function match(pattern: readonly string[], parts: readonly string[]): Record<string, string> | undefined {
  if (pattern.length !== parts.length) return undefined
  const params: Record<string, string> = {}
  for (const [index, expected] of pattern.entries()) {
    const part = parts[index] ?? ''
    if (!expected.startsWith(':')) {
      if (expected !== part) return undefined
      continue
    }
    const value = decoded(part)
    if (value === undefined || value === '') return undefined
    params[expected.slice(1)] = value
  }
  return params
}

function decoded(part: string): string | undefined {
  try {
    return decodeURIComponent(part)
  } catch {
    return undefined
  }
}

const SHOWN_CHARACTERS_MAX = 200

/** A path as it may stand in an answer: no longer than anybody reads. */
function shown(path: string): string {
  return path.length > SHOWN_CHARACTERS_MAX ? `${path.slice(0, SHOWN_CHARACTERS_MAX)}...` : path
}
