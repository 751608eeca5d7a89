import { type Exchange, grpcDeadline, restoreRequestNames, Stack } from '../http/mod.ts'
import { shed } from '../overload/mod.ts'
import type { CurrentPolicy } from '../policy/mod.ts'
import { type AccessLogSink, accessLog, measure, type Tracer } from '../telemetry/mod.ts'
import { Attempts, type UpstreamEnvironment } from '../upstream/mod.ts'
import { allowUpgrades } from './allow-upgrades.ts'
import { authenticate } from './authenticate.ts'
import type { LocalApplication } from './local.ts'
import { refuseWhenDraining } from './refuse-when-draining.ts'
import { rescue } from './rescue.ts'

export interface InboundParts {
  readonly policy: CurrentPolicy
  readonly application: LocalApplication
  readonly environment: UpstreamEnvironment
  readonly tracer: Tracer
  readonly overload: { readonly refusesRequests: boolean }
  readonly log: AccessLogSink
  accessLogEnabled(): boolean
  /** A policy has refused a request, for the log. */
  denied(x: Exchange, why: string): void
  /** The last part of a drain: nothing new is begun. */
  refusing(): boolean
}

/** From other sidecars to our application. In order; the answer unwinds the same list. */
export function inboundStack(parts: InboundParts): Stack {
  const { application, environment, tracer } = parts
  const nowMs = (): number => environment.turn.nowMs()
  return new Stack(
    [
      // One line for each exchange, when it's on.
      accessLog('inbound', parts.log, parts.accessLogEnabled, nowMs),
      // Counts and latency, by caller.
      measure(nowMs, x => application.meter(x)),
      // Spans of what is sampled, and of errors.
      tracer.filter('server'),
      // Causes become answers.
      rescue(),
      // Nothing new while memory is full.
      shed(parts.overload),
      // The deadline that a gRPC caller names.
      grpcDeadline(),
      // Names of fields as they were written, where a policy asks for it. Before the next takes away what is said in our name.
      restoreRequestNames(),
      // Who calls, from the certificate; `x-selvedge-caller` for the application.
      authenticate(parts.policy),
      // Which of the application's ports is meant.
      application.filter(),
      // No switch to protocols that no policy allows.
      allowUpgrades(parts.policy, parts.denied),
      // Nothing new at the end of a drain.
      refuseWhenDraining(parts.refusing),
    ],
    // To the application, over kept connections.
    x => new Attempts(x, application.carryPlan(x), environment).begin(),
  )
}
