import { type Clock, type OriginalDestination, type Random, type RefusalLog, refusalLog } from '../common/mod.ts'
import { BreakerState } from '../decide/breaker/mod.ts'
import { routeToCollector } from './collector-route.ts'
import type { SidecarConfig } from './config.ts'
import type { Doors } from './doors.ts'
import { type Exchange, OpenTunnels, type Stack } from './http/mod.ts'
import type { Identity } from './identity/mod.ts'
import { inboundStack, LocalApplication } from './inbound/mod.ts'
import type { Log } from './log.ts'
import { Authorities, boundTo, bytesStack, Destinations, outboundStack, Resolver } from './outbound/mod.ts'
import { isOwnListener, type OwnListener } from './own-listeners.ts'
import { CurrentPolicy } from './policy/mod.ts'
import { type ElsewhereConnections, Protection, type Strain } from './protection.ts'
import type { Bound } from './session/mod.ts'
import { type AccessLogSink, Instruments, type SpanExport, Tracer } from './telemetry/mod.ts'
import type { RouteToCollector } from './telemetry/otlp/mod.ts'
import { inTurn, Lookups, SharedReads, TimerWheel, Turn } from './transport/mod.ts'
import type { UpstreamEnvironment } from './upstream/mod.ts'

const SWEEP_MS = 1_000
/** Looking for series of metrics that are no longer in use. */
const METERS_SWEEP_MS = 60_000
/** After a renewal, new exchanges have moved to connections with the new certificate within this part of its life, and no later than this. */
const MOVE_PART = 0.1
const MOVE_MS_MAX = 5_000

/** What the data path is told of the sidecar around it, after it has been assembled. */
export interface Surroundings {
  listeners: readonly OwnListener[]
  draining: boolean
  /** The last part of a drain. */
  refusing: boolean
  /** The application may have gone. */
  hint(): void
}

export interface DataPathParts {
  readonly config: SidecarConfig
  readonly identity: Identity
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly access: AccessLogSink
  /** Whether memory is too short for more. */
  readonly strain: Strain
  /** Other threads of this sidecar. @default there are none */
  readonly elsewhere?: ElsewhereConnections
  readonly breakerOf?: UpstreamEnvironment['breakerOf']
  /** Where spans go beside the control plane. `route` is how they would get to their collector. */
  exporter(policy: CurrentPolicy, route: RouteToCollector): SpanExport
}

/** All that carries traffic within one thread, between the doors and the endpoints. */
export interface DataPath {
  readonly around: Surroundings
  readonly turn: Turn
  readonly policy: CurrentPolicy
  readonly instruments: Instruments
  readonly tracer: Tracer
  readonly destinations: Destinations
  readonly application: LocalApplication
  readonly protection: Protection
  readonly refusals: RefusalLog
  /** What is open beside exchanges. */
  readonly tunnels: OpenTunnels
  readonly outbound: Stack
  /** For bytes as they are. */
  readonly bytes: Stack
  readonly inbound: Stack
  /** What is known of where a redirected connection of our application was going. */
  boundTo(original: OriginalDestination): Bound
  /** Has an exception of ours counted and logged. */
  broken(error: unknown): void
  /** Keeps it tidy from now on, with the doors that lead into it; `undefined`: other threads have them. Returns what ends that. */
  tend(doors: Pick<Doors, 'sweep'> | undefined): () => void
  /** Ends all connections to endpoints. */
  close(): void
}

/** Assembles everything between a caller's connection and an endpoint's. Opens nothing, and follows no policy yet. */
export function assembleDataPath(parts: DataPathParts): DataPath {
  const { config, identity, clock, random, log, access } = parts
  const { nowMs } = clock
  const around: Surroundings = { listeners: [], draining: false, refusing: false, hint: () => undefined }
  const turn = new Turn(nowMs)
  const policy = new CurrentPolicy(() => turn.nowMs())
  const instruments = new Instruments()
  const wheel = new TimerWheel(() => turn.nowMs())
  const tracer = new Tracer({
    random,
    nowMs: () => turn.nowMs(),
    wallMs: clock.wallMs,
    sampling: () => policy.self?.mesh.traceSampling ?? 0,
    reported: config.source.kind === 'control-plane',
    exported: parts.exporter(policy, (host, port) => collectorRoute(host, port)),
  })
  const refusals = refusalLog(log, clock)
  const broken = (error: unknown): void => {
    instruments.brokenExchanges++
    log.error({ err: error }, 'An exception inside an exchange: this is a bug in selvedge; the exchange was ended')
  }
  const tunnels = new OpenTunnels(broken)
  const environment = upstreamEnvironment({
    ...{ ...parts, around, turn, wheel, instruments, tracer, refusals, tunnels, broken },
  })
  const destinations = new Destinations(policy, environment, instruments)
  const application = new LocalApplication(config.applicationHost, policy, environment, instruments)
  const protection = new Protection({
    ...{ connectionsMax: config.connectionsMax, strain: parts.strain, elsewhere: parts.elsewhere, log, nowMs },
    made: () => destinations.connections + application.connections,
    closeIdle: () => {
      destinations.closeIdle('all')
      application.closeIdle('all')
    },
  })
  const authorities = new Authorities(config.namespace)
  const resolver = new Resolver(policy, authorities, environment)
  const collectorRoute = routeToCollector({ policy, authorities, destinations, environment })
  const accessLogEnabled = (): boolean => config.accessLog || policy.self?.mesh.accessLog === true
  const denied = ({ facts: { source, destination } }: Exchange, why: string): void =>
    refusals(why, { source, destination, cause: 'denied', why }, 'Refused a request')
  const shared = { environment, tracer, overload: parts.strain, log: access, accessLogEnabled, denied }
  return {
    ...{ around, turn, policy, instruments, tracer, destinations, application, protection, refusals, tunnels, broken },
    outbound: outboundStack({ ...shared, policy, destinations, resolver }),
    bytes: bytesStack({ ...shared, policy, destinations, resolver }),
    boundTo: original => boundTo(original, resolver),
    inbound: inboundStack({ ...shared, policy, application, refusing: () => around.refusing }),
    tend: doors =>
      tend({ instruments, destinations, application, protection, policy, tunnels }, doors, identity, nowMs),
    close: () => {
      destinations.close()
      application.close()
      wheel.close()
    },
  }
}

interface EnvironmentParts extends DataPathParts {
  readonly around: Surroundings
  readonly turn: Turn
  readonly wheel: TimerWheel
  readonly instruments: Instruments
  readonly tracer: Tracer
  readonly refusals: RefusalLog
  readonly tunnels: OpenTunnels
  broken(error: unknown): void
}

function upstreamEnvironment(parts: EnvironmentParts): UpstreamEnvironment {
  const { around, turn, wheel, random, identity, instruments, tracer, log, refusals, broken } = parts
  return {
    turn,
    random,
    wheel,
    lookups: new Lookups(),
    reads: new SharedReads(),
    tunnels: parts.tunnels,
    breakerOf: parts.breakerOf ?? (() => new BreakerState()),
    svid: () => identity.current(),
    isOurselves: connection => isOwnListener(around.listeners, connection),
    attempting: x => tracer.attempting(x),
    attempted: (x, endpoint, outcome, status, startMs, endMs) => {
      instruments.attempted(outcome)
      if (outcome === 'connect-failed' && x.caller.kind !== 'application') around.hint()
      tracer.attempt(x, endpoint, outcome, status, startMs, endMs)
    },
    ejected: (service, endpoint) => {
      instruments.ejections++
      log.info({ service, endpoint }, 'Ejected an endpoint: it fails in a row')
    },
    distrusted: (endpoint, why) => {
      // Who is leaving breaks its own handshakes off.
      if (!around.draining) refusals(why, { endpoint, why }, 'Cannot trust an endpoint: its handshake failed')
    },
    malformed: ({ facts }, endpoint, why) =>
      refusals(
        why,
        { destination: facts.destination, endpoint, cause: 'upstream-protocol-error', why },
        'Refused an answer: it is malformed',
      ),
    broken,
  }
}

/** What is idle ends, what expires is dropped, and who renews moves its connections. */
function tend(
  path: Pick<DataPath, 'instruments' | 'destinations' | 'application' | 'protection' | 'policy' | 'tunnels'>,
  doors: Pick<Doors, 'sweep'> | undefined,
  identity: Identity,
  nowMs: () => number,
): () => void {
  const { instruments, destinations, application, protection, policy, tunnels } = path
  const sweep = setInterval(() => {
    protection.sweep()
    if (doors === undefined) return
    doors.sweep()
    destinations.closeIdle()
    application.closeIdle()
    instruments.inboundTunnels = tunnels.count('inbound')
    instruments.outboundTunnels = tunnels.count('outbound')
  }, SWEEP_MS)
  const expiring = setInterval(() => {
    if (!instruments.meters.expire(nowMs())) return
    destinations.forgetMeters()
    application.forgetMeters()
  }, METERS_SWEEP_MS)
  let finishEnding: (() => void) | undefined
  const stopRetiring = identity.onChange(({ notAfterMs }) => {
    const overMs = Math.min((notAfterMs - Date.now()) * MOVE_PART, MOVE_MS_MAX)
    destinations.retireMeshConnections(overMs)
    if (policy.self?.mesh.tunnelsAtRenewal !== 'end') return
    finishEnding?.()
    // Not all at once: most of them are begun anew somewhere.
    finishEnding = inTurn(
      tunnels.which(({ mtls }) => mtls),
      overMs,
    )
  })
  return () => {
    clearInterval(sweep)
    clearInterval(expiring)
    stopRetiring()
    finishEnding?.()
  }
}
