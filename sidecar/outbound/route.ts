import type { Random } from '../../common/mod.ts'
import {
  matchRoute,
  type PreparedRule,
  pickBackend,
  type RouteRequest,
  redirectLocation,
  rewriteTarget,
} from '../../decide/route/mod.ts'
import { deadlineOf } from '../../decide/timeout/mod.ts'
import type { HeaderChange, RouteFilter } from '../../model/snapshot/mod.ts'
import {
  answerCause,
  authorityMeant,
  type Exchange,
  type Filter,
  type Headers,
  originalOf,
  ownHead,
  pathOf,
  queryOf,
  type Verdict,
} from '../http/mod.ts'
import type { CurrentPolicy } from '../policy/mod.ts'
import type { CarryPlan, Destination } from '../upstream/mod.ts'
import type { Destinations } from './destinations.ts'
import { OutboundPlan } from './plan.ts'
import type { Resolved, Resolver } from './resolve.ts'

const HTTP_PORT = 80
const REDIRECT_REASONS = {
  301: 'Moved Permanently',
  302: 'Found',
  303: 'See Other',
  307: 'Temporary Redirect',
  308: 'Permanent Redirect',
} as const

export interface RouteParts {
  readonly policy: CurrentPolicy
  readonly destinations: Destinations
  readonly resolver: Resolver
  readonly random: Random
}

/** Which service, which rule, which backend; and what the rule does to heads on the way. */
export function route(parts: RouteParts): Filter {
  const view = new RequestView()
  return {
    name: 'route',
    request: x => {
      if (x.request.hasMeshFields) x.request.headers.removePrefix('x-selvedge-')
      x.facts.source = parts.destinations.source()
      return direct(x, parts, view, parts.resolver.resolve(authorityMeant(x), HTTP_PORT, originalOf(x)))
    },
    response: (x, head) => {
      // Only an authenticated sidecar has removed what its application says in our name.
      if (head.hasMeshFields && !x.facts.mtls) head.headers.removePrefix('x-selvedge-')
      if (!(x.plan instanceof OutboundPlan) || x.plan.rule === undefined) return
      for (const filter of x.plan.rule.filters)
        if (filter.kind === 'response-headers') change(head.headers, filter.change)
    },
  }
}

function direct(x: Exchange, parts: RouteParts, view: RequestView, resolved: Resolved): Verdict {
  switch (resolved.kind) {
    case 'service':
      return toService(x, parts, view, resolved)
    case 'external': {
      x.facts.destination = 'external'
      x.plan = new OutboundPlan(
        carryPlan(x, parts, parts.destinations.externalOf(resolved.host, resolved.port), resolved.port, undefined),
        undefined,
      )
      return 'next'
    }
    case 'refused':
      x.facts.destination = 'unknown'
      x.fail(resolved.cause, resolved.detail)
      return 'done'
    case 'pending':
      parts.resolver.whenKnown(x, resolved.key, known => {
        if (x.progress !== 'waiting') return
        const again = parts.resolver.resolve(authorityMeant(x), HTTP_PORT, originalOf(x))
        // Who is found to be a service's by its address waits a second time, for what there is to know of that service.
        if (again.kind === 'pending' && again.key === resolved.key) {
          x.facts.destination = 'unknown'
          const why = known ? 'is not known' : 'did not become known in time'
          x.fail('no-policy', `${resolved.key} ${why}: the control plane has not answered`)
        } else if (direct(x, parts, view, again) === 'next') x.stack?.proceed(x)
      })
      return 'wait'
  }
}

function toService(
  x: Exchange,
  parts: RouteParts,
  view: RequestView,
  to: Extract<Resolved, { kind: 'service' }>,
): Verdict {
  const { facts } = x
  facts.destination = to.key
  if (to.instance !== undefined) {
    // Routes say where requests to the service go, and this one goes to the instance that the application has chosen.
    const destination = parts.destinations.instanceOf(to.instance)
    x.plan = new OutboundPlan(carryPlan(x, parts, destination, to.instance.appPort, undefined), undefined)
    return 'next'
  }
  view.look(x)
  const match = matchRoute(to.service.routes, to.port, view)
  switch (match.kind) {
    case 'pass-through': {
      const destination = parts.destinations.of(to.key)
      if (destination === undefined) {
        x.fail('no-policy', `${to.key} has just gone`)
        return 'done'
      }
      x.plan = new OutboundPlan(carryPlan(x, parts, destination, to.port, undefined), undefined)
      return 'next'
    }
    case 'no-match':
      x.fail('route-not-found', `no rule of the routes attached to ${to.key} matches`)
      return 'done'
    case 'rule':
      facts.route = match.rule.rule.route
      return byRule(x, parts, match.rule)
  }
}

function byRule(x: Exchange, parts: RouteParts, prepared: PreparedRule): Verdict {
  const { rule } = prepared
  for (const filter of rule.filters) {
    if (filter.kind === 'redirect') {
      redirect(x, filter)
      return 'done'
    }
  }
  const backend = pickBackend(prepared, parts.random)
  if (backend === undefined || backend.kind === 'invalid') {
    // GW-7: its share is refused with 500, and the rest of the rule goes on.
    const why = backend === undefined ? 'the rule has no backend with a weight' : backend.why
    x.facts.cause = 'unknown-destination'
    answerCause(x, 500, 'Internal Server Error', 'unknown-destination', `${rule.route}: ${why}`)
    return 'done'
  }
  x.facts.destination = backend.service
  const destination = parts.destinations.of(backend.service)
  if (destination === undefined) {
    x.fail('no-healthy-endpoint', `nothing is known of ${backend.service} yet`)
    return 'done'
  }
  for (const filter of rule.filters) apply(x, filter)
  x.plan = new OutboundPlan(carryPlan(x, parts, destination, backend.port, prepared), rule)
  return 'next'
}

function apply(x: Exchange, filter: RouteFilter): void {
  if (filter.kind === 'request-headers') change(x.request.headers, filter.change)
  else if (filter.kind === 'rewrite') {
    if (filter.path !== undefined)
      x.request.target = rewriteTarget(filter.path, pathOf(x.request.target), queryOf(x.request.target))
    if (filter.hostname !== undefined) {
      x.request.authority = filter.hostname
      x.request.headers.set('host', filter.hostname)
    }
  }
}

/** Set, then add, then remove, as Gateway API names them. */
function change(headers: Headers, { set, add, remove }: HeaderChange): void {
  for (const [name, value] of set) headers.set(name, value)
  for (const [name, value] of add) headers.add(name, value)
  for (const name of remove) headers.remove(name.toLowerCase())
}

function redirect(x: Exchange, filter: Extract<RouteFilter, { kind: 'redirect' }>): void {
  const { target, authority } = x.request
  const location = redirectLocation(filter, { scheme: 'http', authority, path: pathOf(target), query: queryOf(target) })
  x.reply(ownHead(filter.status, REDIRECT_REASONS[filter.status], [['location', location]], 0), Buffer.alloc(0))
}

function carryPlan(
  x: Exchange,
  parts: RouteParts,
  destination: Destination,
  port: number,
  prepared: PreparedRule | undefined,
): CarryPlan {
  const mesh = parts.policy.self?.mesh
  return {
    destination,
    port,
    retry: prepared?.rule.retry,
    defaultRetries: mesh?.retryAttempts ?? 0,
    attemptTimeoutMs: prepared?.rule.attemptTimeoutMs,
    deadlineMs: deadlineOf(x.startMs, prepared?.rule.requestTimeoutMs, mesh?.requestTimeoutMs),
  }
}

/** What routing looks at. One view for all requests, since matching is done before it returns. */
class RequestView implements RouteRequest {
  method = ''
  path = ''
  query = ''
  private headers: Headers | undefined = undefined

  look(x: Exchange): void {
    const { target } = x.request
    this.method = x.request.method
    this.path = pathOf(target)
    this.query = queryOf(target)
    this.headers = x.request.headers
  }

  header(lowerName: string): string | undefined {
    return this.headers?.get(lowerName)
  }
}
