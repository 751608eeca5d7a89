import { type Exchange, type ExchangeFacts, grpcDeadline, restoreAnswerNames, Stack } from '../http/mod.ts'
import { shed } from '../overload/mod.ts'
import type { CurrentPolicy } from '../policy/mod.ts'
import { type AccessLogSink, accessLog, type MeterLabels, measure, type Tracer } from '../telemetry/mod.ts'
import { Attempts, type UpstreamEnvironment } from '../upstream/mod.ts'
import { aim } from './aim.ts'
import { allowUpgrades } from './allow-upgrades.ts'
import type { Destinations } from './destinations.ts'
import { planOf } from './plan.ts'
import { rescue } from './rescue.ts'
import type { Resolver } from './resolve.ts'
import { route } from './route.ts'

export interface OutboundParts {
  readonly policy: CurrentPolicy
  readonly destinations: Destinations
  readonly resolver: Resolver
  readonly environment: UpstreamEnvironment
  readonly tracer: Tracer
  readonly overload: { readonly refusesRequests: boolean }
  readonly log: AccessLogSink
  accessLogEnabled(): boolean
  /** A policy has refused a request, for the log. */
  denied(x: Exchange, why: string): void
}

/** From our application into the mesh. In order; the answer unwinds the same list. */
export function outboundStack(parts: OutboundParts): Stack {
  const { policy, destinations, resolver, environment, tracer } = parts
  const nowMs = (): number => environment.turn.nowMs()
  return new Stack(
    [
      // One line for each exchange, when it's on.
      accessLog('outbound', parts.log, parts.accessLogEnabled, nowMs),
      // Counts and latency, by destination and route.
      measure(nowMs, x => destinations.meter(x.facts.destination, x.facts.route, tlsOf(x.facts), 'http')),
      // `traceparent` handed on or made; spans of what is sampled, and of errors.
      tracer.filter('client'),
      // Causes become answers.
      rescue(),
      // Nothing new while memory is full.
      shed(parts.overload),
      // The deadline that a gRPC caller names.
      grpcDeadline(),
      // Names of fields as they were written, where a policy asks for it.
      restoreAnswerNames(),
      // Which service, rule and backend; header changes, rewrites, redirects.
      route({ policy, destinations, resolver, random: environment.random }),
      // No switch to protocols that no policy allows.
      allowUpgrades(parts.denied),
    ],
    // Circuit breaker, then attempts: balance, connect, retry within the budget, time limits.
    x => new Attempts(x, planOf(x).carry, environment).begin(),
  )
}

/** Bytes as they are, from our application into the mesh. */
export function bytesStack(parts: OutboundParts): Stack {
  const { policy, destinations, resolver, environment, tracer } = parts
  const nowMs = (): number => environment.turn.nowMs()
  return new Stack(
    [
      // One line for each connection, when it has ended.
      accessLog('outbound', parts.log, parts.accessLogEnabled, nowMs),
      // Counts, and how long it took to connect, by destination.
      measure(nowMs, x => destinations.meter(x.facts.destination, '', tlsOf(x.facts), 'tcp')),
      // A span for each connection that is sampled.
      tracer.filter('client'),
      // Causes become answers, where somebody can hear them.
      rescue(),
      // Nothing new while memory is full.
      shed(parts.overload),
      // Which service, or which address.
      aim({ policy, destinations, resolver }),
    ],
    // Circuit breaker, then attempts: balance, connect, another endpoint where that failed.
    x => new Attempts(x, planOf(x).carry, environment).begin(),
  )
}

function tlsOf({ attempts, mtls }: ExchangeFacts): MeterLabels['tls'] {
  if (attempts === 0) return 'unsent'
  return mtls ? 'mtls' : 'none'
}
