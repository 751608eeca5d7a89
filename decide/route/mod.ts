/**
 * Which rule of a Service's routes a request falls under, which backend gets it, and what becomes of its path.
 *
 * Invariants: a snapshot is prepared once (`prepareRoutes`) and refused whole when a pattern in it is bad; after that
 * no request can make a match fail, allocate, or take more than linear time. The entry that comes first in precedence
 * wins, whatever index found it.
 */
export { pickBackend } from './backend.ts'
export { matchRoute } from './match.ts'
export { rewriteTarget } from './path-change.ts'
export { prepareRoutes } from './prepare.ts'
export type { PreparedRoutes, PreparedRule, RouteMatch, RouteRequest } from './prepared.ts'
export { type RedirectFilter, type RedirectRequest, redirectLocation } from './redirect.ts'
