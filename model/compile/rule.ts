import { type Port, serviceKey } from '../../common/mod.ts'
import type { HttpRouteResource, HttpRouteRule } from '../resources/mod.ts'
import type { Backend, HeaderChange, PathChange, RetryRule, RouteFilter, RouteRule } from '../snapshot/mod.ts'
import { normalisePrefix } from './match.ts'
import { millis } from './millis.ts'
import type { World } from './world.ts'

type FilterResource = NonNullable<HttpRouteRule['filters']>[number]
type BackendResource = NonNullable<HttpRouteRule['backendRefs']>[number]
type HeaderModifier = Extract<FilterResource, { readonly type: 'RequestHeaderModifier' }>['requestHeaderModifier']
type PathModifier = NonNullable<Extract<FilterResource, { readonly type: 'URLRewrite' }>['urlRewrite']['path']>

/** What a rule does with the requests that it gets. */
export function compileRule(world: World, route: HttpRouteResource, index: number): RouteRule {
  const rule = route.spec.rules[index]!
  const { namespace, name } = route.metadata
  const request = rule.timeouts?.request
  const attempt = rule.timeouts?.backendRequest
  return {
    route: `${namespace}/${name}`,
    name: rule.name ?? `#${index}`,
    filters: (rule.filters ?? []).map(filter => compileFilter(filter, rule)),
    backends: (rule.backendRefs ?? []).map(backend => compileBackend(world, backend, namespace)),
    // 0 stays 0: it disables the mesh's own timeout too (GW-11).
    requestTimeoutMs: request === undefined ? undefined : millis(request),
    attemptTimeoutMs: attempt === undefined ? undefined : millis(attempt) || undefined,
    retry: compileRetry(rule),
  }
}

function compileRetry({ retry }: HttpRouteRule): RetryRule | undefined {
  if (retry === undefined) return undefined
  const codes = [...new Set(retry.codes ?? [])].sort((a, b) => a - b)
  return { attempts: retry.attempts, codes, backoffMs: millis(retry.backoff) }
}

/** GW-7: what can't be resolved keeps its weight, and says why. */
function compileBackend(world: World, backend: BackendResource, routeNamespace: string): Backend {
  const { name, namespace = routeNamespace, port, weight } = backend
  const key = serviceKey(namespace, name)
  const service = world.services.get(key)
  if (service === undefined) return { kind: 'invalid', why: `Service ${key} does not exist`, weight }
  if (!service.spec.ports.some(known => known.port === port)) {
    return { kind: 'invalid', why: `Service ${key} has no port ${port}`, weight }
  }
  return { kind: 'service', service: key, port: port as Port, weight }
}

function compileFilter(filter: FilterResource, rule: HttpRouteRule): RouteFilter {
  switch (filter.type) {
    case 'RequestHeaderModifier':
      return { kind: 'request-headers', change: headerChange(filter.requestHeaderModifier) }
    case 'ResponseHeaderModifier':
      return { kind: 'response-headers', change: headerChange(filter.responseHeaderModifier) }
    case 'RequestRedirect': {
      const { scheme, hostname, port, path, statusCode } = filter.requestRedirect
      return {
        kind: 'redirect',
        scheme,
        hostname,
        port: port as Port | undefined,
        path: path === undefined ? undefined : pathChange(path, rule),
        status: statusCode,
      }
    }
    case 'URLRewrite': {
      const { hostname, path } = filter.urlRewrite
      return { kind: 'rewrite', hostname, path: path === undefined ? undefined : pathChange(path, rule) }
    }
  }
}

function headerChange({ set, add, remove }: HeaderModifier): HeaderChange {
  return {
    set: (set ?? []).map(({ name, value }) => [name, value] as const),
    add: (add ?? []).map(({ name, value }) => [name, value] as const),
    remove: remove ?? [],
  }
}

/** A prefix is replaced only in a rule whose one match is a prefix (GW-8): the schema saw to it. */
function pathChange(path: PathModifier, rule: HttpRouteRule): PathChange {
  if (path.type === 'ReplaceFullPath') return { kind: 'full', value: path.replaceFullPath }
  return { kind: 'prefix', from: normalisePrefix(rule.matches[0]!.path.value), value: path.replacePrefixMatch }
}
