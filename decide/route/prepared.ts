import type { Backend, RouteRule } from '../../model/snapshot/mod.ts'
import type { Pattern } from './pattern.ts'

/** What routing asks of a request. */
export interface RouteRequest {
  /** As it came: methods are case-sensitive (RFC 9110, 9.1). */
  readonly method: string
  /** As it came, without the query. */
  readonly path: string
  /** Without its `?`; empty when there is none. */
  readonly query: string
  /** Takes a name in lower case. Several values of one name come joined with `, ` (RFC 9110, 5.3). */
  header(lowerName: string): string | undefined
}

/**
 * - `pass-through`: no route is attached to this port of the Service; its own endpoints serve the request
 * - `no-match`: routes are attached and none matches; the request is refused with `route-not-found` (GW-15)
 */
export type RouteMatch =
  | { readonly kind: 'pass-through' }
  | { readonly kind: 'rule'; readonly rule: PreparedRule }
  | { readonly kind: 'no-match' }

export interface PreparedRule {
  readonly rule: RouteRule
  readonly backends: readonly Backend[]
  /** For each backend, the sum of the weights up to and with its own. */
  readonly weightsUpTo: Float64Array
  /** The sum of all weights; 0 when nobody is to get anything. */
  readonly weightTotal: number
}

/** A Service's routes, ready for any number of requests. Opaque: for `matchRoute` alone. */
export interface PreparedRoutes {
  /** Holds for every port that `byPort` does not name. */
  readonly anyPort: RouteTable
  /** `undefined` when no route names a port, which is the common case. */
  readonly byPort: ReadonlyMap<number, RouteTable> | undefined
}

/**
 * The entries of one port. Exact paths are found by a map; the others are tried in order:
 *
 *     exact:   '/login' -> [#0, #3]      others:   #1 prefix /api   #2 regex   #4 prefix /
 *                                         lengths:      4             -1          0
 *
 * The numbers are places in the order of precedence; a hit in `exact` bounds how far `others` is searched.
 */
export interface RouteTable {
  readonly exact: ReadonlyMap<string, readonly PreparedEntry[]> | undefined
  readonly others: readonly PreparedEntry[]
  /**
   * Beside `others`: the length of the prefix, so that most entries are passed over without being touched; `REGEX` for
   * a regex.
   */
  readonly lengths: Int32Array
  /** The answer when no entry matches. */
  readonly otherwise: RouteMatch
}

/** Stands in `lengths` for an entry whose path is a regex. */
export const REGEX = -1

export interface PreparedEntry {
  /** Place in the order of precedence. */
  readonly order: number
  /** The answer when this entry matches: one object for all requests. */
  readonly match: RouteMatch
  /** Empty for `/` and for an entry of another kind. */
  readonly prefix: string
  readonly regex: Pattern | undefined
  /** Nothing but the path has to match. */
  readonly pathOnly: boolean
  readonly method: string | undefined
  readonly headers: readonly PreparedHeader[]
  readonly query: readonly PreparedQuery[]
}

/** One of `exact` and `regex` is there. */
export interface PreparedHeader {
  /** In lower case. */
  readonly name: string
  readonly exact: string | undefined
  readonly regex: Pattern | undefined
}

/** Names and exact values are held as the bytes (UTF-8) that percent-decoding must give. */
export interface PreparedQuery {
  readonly name: Uint8Array
  readonly exact: Uint8Array | undefined
  readonly regex: Pattern | undefined
}
