import type { RouteFilter } from '../../model/snapshot/mod.ts'
import { changePath } from './path-change.ts'

export type RedirectFilter = Extract<RouteFilter, { kind: 'redirect' }>

/** What a `Location` takes over from the request where the filter does not say otherwise. */
export interface RedirectRequest {
  readonly scheme: 'http' | 'https'
  /** Host, with its port if it came with one. */
  readonly authority: string
  readonly path: string
  /** Without its `?`; empty when there is none. */
  readonly query: string
}

/**
 * The value of `Location`, always absolute, by Gateway API's `HTTPRequestRedirectFilter`: the port is the filter's;
 * else, when the filter names a scheme, that scheme's own; else the port that the request was sent to. The scheme's own
 * port is not written.
 */
export function redirectLocation(filter: RedirectFilter, request: RedirectRequest): string {
  const scheme = filter.scheme ?? request.scheme
  const { host, port: requestPort } = splitAuthority(request.authority)
  const port = filter.port === undefined ? (filter.scheme === undefined ? requestPort : '') : String(filter.port)
  const shownPort = port === '' || port === wellKnownPort(scheme) ? '' : `:${port}`
  const path = filter.path === undefined ? request.path : changePath(filter.path, request.path)
  const query = request.query === '' ? '' : `?${request.query}`
  return `${scheme}://${filter.hostname ?? host}${shownPort}${path}${query}`
}

function wellKnownPort(scheme: string): string {
  return scheme === 'https' ? '443' : scheme === 'http' ? '80' : ''
}

/** An IPv6 address stands in brackets (RFC 3986, 3.2.2): only a colon after them begins the port. */
function splitAuthority(authority: string): { readonly host: string; readonly port: string } {
  const colon = authority.lastIndexOf(':')
  if (colon === -1 || colon < authority.lastIndexOf(']')) return { host: authority, port: '' }
  return { host: authority.slice(0, colon), port: authority.slice(colon + 1) }
}
