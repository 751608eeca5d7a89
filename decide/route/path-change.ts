import type { PathChange } from '../../model/snapshot/mod.ts'

/**
 * The target (path and query) after a rewrite, by the table of path modifiers in Gateway API's `HTTPPathModifier`
 * (GW-8): a trailing slash of the prefix and of its replacement is ignored, what follows the prefix is kept as it came,
 * and nothing left is `/`. The query is kept.
 */
export function rewriteTarget(change: PathChange, path: string, query: string): string {
  const changed = changePath(change, path)
  return query === '' ? changed : `${changed}?${query}`
}

/** The path alone. A path that the prefix does not match stays as it is. */
export function changePath(change: PathChange, path: string): string {
  if (change.kind === 'full') return rooted(change.value)
  const from = withoutTrailingSlash(change.from)
  if (!path.startsWith(from)) return path
  return rooted(withoutTrailingSlash(change.value) + path.slice(from.length))
}

/** `/abc/` and `/abc` are one prefix (GW-3); `/` becomes empty. */
export function withoutTrailingSlash(path: string): string {
  return path.endsWith('/') ? path.slice(0, -1) : path
}

/** A request's target in origin form begins with a slash (RFC 9112, 3.2.1). */
function rooted(path: string): string {
  return path.startsWith('/') ? path : `/${path}`
}
