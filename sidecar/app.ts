import { type Clock, err, ok, type Random, type Result, refusalLog, systemClock, systemRandom } from '../common/mod.ts'
import { CertificateAlarm, certificateState } from './certificate-alarm.ts'
import { routeToCollector } from './collector-route.ts'
import { forgetProxies, type SidecarConfig } from './config.ts'
import { type Doors, openDoors } from './doors.ts'
import { type Identity, loadEnrolment } from './identity/mod.ts'
import { inboundStack, LocalApplication } from './inbound/mod.ts'
import { type AccessLog, createAccessLog, createLog, type Log } from './log.ts'
import { type OpenedSource, openOrigin } from './origin.ts'
import { Authorities, connectStack, Destinations, outboundStack, Resolver } from './outbound/mod.ts'
import { isOwnListener, type OwnListener } from './own-listeners.ts'
import { CurrentPolicy } from './policy/mod.ts'
import { type ApplicationProbe, probeApplication } from './probe.ts'
import { Protection } from './protection.ts'
import { spanExport } from './span-export.ts'
import { EdgeReporter, Instruments, Tracer } from './telemetry/mod.ts'
import { preloadExporters } from './telemetry/otlp/mod.ts'
import { Lookups, SharedReads, TimerWheel, Turn } from './transport/mod.ts'
import type { UpstreamEnvironment } from './upstream/mod.ts'
import { adminView } from './view.ts'

/** Where a running sidecar listens, as `host:port`. */
export interface SidecarAddresses {
  readonly outbound: string
  readonly inbound: string
  readonly admin: string
  readonly metrics: string
}

export interface Sidecar {
  readonly addresses: SidecarAddresses
  /** Takes no new work, lets exchanges end within the drain timeout, then closes. Safe to call twice. */
  drain(): Promise<void>
  /** Closes at once. */
  close(): Promise<void>
}

const SWEEP_MS = 1_000
/** Looking for services that nobody uses: a walk over all that are held. */
const FORGET_SWEEP_MS = 30_000
/** Looking for series of metrics that are no longer in use. */
const METERS_SWEEP_MS = 60_000
const DRAIN_POLL_MS = 20
/** After it has said that it is not ready, a sidecar is still sent requests until all callers have been told. */
const WITHDRAWAL_MS = 200
/** After a renewal, new exchanges have moved to connections with the new certificate within this part of its life, and no later than this. */
const MOVE_PART = 0.1
const MOVE_MS_MAX = 5_000
/** What closing may take after the drain. */
const CLOSE_MS_MAX = 1_000

/** Runs one sidecar until SIGTERM or SIGINT; a second signal ends it at once. Returns the exit status. */
export async function runSidecar(config: SidecarConfig, version: string): Promise<number> {
  forgetProxies()
  const stopping = new AbortController()
  const stopped = Promise.withResolvers<void>()
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (stopping.signal.aborted) process.exit(0)
      stopping.abort()
      stopped.resolve()
    })
  }
  const started = await startSidecar(config, version, { signal: stopping.signal })
  if (!started.ok) {
    if (stopping.signal.aborted) return 0
    process.stderr.write(`${started.error}\n`)
    return 1
  }
  process.stdout.write(`selvedge sidecar ready ${JSON.stringify(started.value.addresses)}\n`)
  await stopped.promise
  await started.value.drain()
  setTimeout(() => process.exit(0), CLOSE_MS_MAX).unref()
  await started.value.close()
  return 0
}

export interface StartOptions {
  readonly clock?: Clock
  readonly random?: Random
  readonly signal?: AbortSignal
  /** Where log lines go. @default 2, stderr */
  readonly logFd?: number
}

/** Starts every part. Settles when listeners are open and the first policy is in force. The error is made of whole sentences. */
export async function startSidecar(
  config: SidecarConfig,
  version: string,
  options: StartOptions = {},
): Promise<Result<Sidecar, string>> {
  const { clock = systemClock, random = systemRandom, signal = new AbortController().signal, logFd } = options
  const log = createLog(config.logLevel, config.workload, logFd)
  const origin = await openOrigin({ config, version, clock, random, log, signal })
  if (!origin.ok) return origin
  const { identity } = origin.value
  const access = createAccessLog(config.workload, logFd)
  const assembly = assemble({ config, version, identity, clock, random, log, access })
  const doors = await openDoors(assembly.doorParts)
  if (!doors.ok) {
    identity.close()
    return err(doors.error)
  }
  assembly.own.listeners = doors.value.listeners
  const opened = await origin.value.openSource(doors.value.ports.inbound)
  assembly.own.source = opened
  const { policy } = assembly
  const first = Promise.withResolvers<void>()
  policy.onChange({ changed: (_services, self) => self && first.resolve() })
  policy.follow(opened.source)
  signal.addEventListener('abort', () => first.resolve(), { once: true })
  await first.promise
  return ok(running(config, assembly, doors.value, opened, identity))
}

/** Loads what a sidecar loads when it needs it, and starts nothing: for whoever prepares a compile cache. */
export async function preload(): Promise<void> {
  await loadEnrolment()
  await import('./discovery/mod.ts')
  await import('./telemetry/report/mod.ts')
  await preloadExporters()
}

type Assembly = ReturnType<typeof assemble>

interface AssemblyParts {
  readonly config: SidecarConfig
  readonly version: string
  readonly identity: Identity
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly access: AccessLog
}

/** What becomes known, or changes, after the parts are assembled. */
interface Own {
  listeners: readonly OwnListener[]
  source: OpenedSource | undefined
  probe: ApplicationProbe | undefined
  draining: boolean
  /** The last part of a drain. */
  refusing: boolean
}

/** Everything that needs no listener yet. */
function assemble(parts: AssemblyParts) {
  const { config, version, identity, clock, random, log, access } = parts
  const { nowMs } = clock
  const own: Own = {
    listeners: [],
    source: undefined,
    probe: undefined,
    draining: false,
    refusing: false,
  }
  const turn = new Turn(nowMs)
  const policy = new CurrentPolicy(() => turn.nowMs())
  const instruments = new Instruments()
  const wheel = new TimerWheel(() => turn.nowMs())
  const spans = spanExport({ policy, random, nowMs, log, version, route: (host, port) => collectorRoute(host, port) })
  const tracer = new Tracer({
    random,
    nowMs: () => turn.nowMs(),
    wallMs: clock.wallMs,
    sampling: () => policy.self?.mesh.traceSampling ?? 0,
    reported: config.source.kind === 'control-plane',
    exported: spans,
  })
  const broken = (error: unknown): void => {
    instruments.brokenExchanges++
    log.error({ err: error }, 'An exception inside an exchange: this is a bug in selvedge; the exchange was ended')
  }
  const refusals = refusalLog(log, clock)
  const environment: UpstreamEnvironment = {
    turn,
    random,
    wheel,
    lookups: new Lookups(),
    reads: new SharedReads(),
    svid: () => identity.current(),
    isOurselves: connection => isOwnListener(own.listeners, connection),
    attempting: x => tracer.attempting(x),
    attempted: (x, endpoint, outcome, status, startMs, endMs) => {
      instruments.attempted(outcome)
      if (outcome === 'connect-failed' && x.caller.kind !== 'application') own.probe?.hint()
      tracer.attempt(x, endpoint, outcome, status, startMs, endMs)
    },
    ejected: (service, endpoint) => {
      instruments.ejections++
      log.info({ service, endpoint }, 'Ejected an endpoint: it fails in a row')
    },
    distrusted: (endpoint, why) => {
      // Who is leaving breaks its own handshakes off.
      if (!own.draining) refusals(why, { endpoint, why }, 'Cannot trust an endpoint: its handshake failed')
    },
    malformed: ({ facts }, endpoint, why) =>
      refusals(
        why,
        { destination: facts.destination, endpoint, cause: 'upstream-protocol-error', why },
        'Refused an answer: it is malformed',
      ),
    broken,
  }
  const destinations = new Destinations(policy, environment, instruments)
  const application = new LocalApplication(config.applicationHost, policy, environment, instruments)
  const protection = new Protection({
    ...{ memoryMaxBytes: config.memoryMaxBytes, connectionsMax: config.connectionsMax, log, nowMs },
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
  const shared = { environment, tracer, overload: protection.watch, log: access.log, accessLogEnabled }
  const view = adminView({
    ...{ policy, destinations, instruments, identity, protection, nowMs, wallMs: clock.wallMs },
    connected: () => own.source?.source.connected() ?? false,
    draining: () => own.draining,
    status: () => own.source?.status(),
    spans: () => ({ exported: spans.exported, dropped: { ...spans.dropped, unreported: tracer.dropped } }),
  })
  const alarm = new CertificateAlarm(log)
  const lookAtCertificate = (): void => {
    const { notAfterMs } = identity.current()
    alarm.look(certificateState(identity.renewal(), notAfterMs, clock.wallMs()), notAfterMs)
  }
  const doorParts = {
    ...{ config, identity, policy, instruments, log, clock, turn, view, protection, broken },
    refusalLog: refusals,
    outbound: outboundStack({ ...shared, policy, destinations, resolver }),
    connect: connectStack({ ...shared, resolver, destinations }),
    inbound: inboundStack({ ...shared, policy, application, refusing: () => own.refusing }),
    draining: () => own.draining,
  }
  const upkeep = { protection, lookAtCertificate, spans }
  return { own, nowMs, access, policy, instruments, wheel, tracer, destinations, application, doorParts, ...upkeep }
}

/** The rest of a sidecar's life: sweeping, probing, reporting, draining. */
function running(
  config: SidecarConfig,
  assembly: Assembly,
  doors: Doors,
  opened: OpenedSource,
  identity: Identity,
): Sidecar {
  const { own, policy, destinations, application, instruments, tracer, protection, lookAtCertificate } = assembly
  const sweep = setInterval(() => {
    doors.sweep()
    destinations.closeIdle()
    application.closeIdle()
    protection.sweep()
    lookAtCertificate()
  }, SWEEP_MS)
  const expiring = setInterval(() => {
    if (!instruments.meters.expire(assembly.nowMs())) return
    destinations.forgetMeters()
    application.forgetMeters()
  }, METERS_SWEEP_MS)
  protection.watch.start()
  const forgetting = setInterval(
    () => policy.forgetUnused(assembly.nowMs() - config.forgetAfterMs, key => destinations.isBusy(key)),
    Math.min(FORGET_SWEEP_MS, config.forgetAfterMs),
  )
  const stopRetiring = identity.onChange(({ notAfterMs }) =>
    destinations.retireMeshConnections(Math.min((notAfterMs - Date.now()) * MOVE_PART, MOVE_MS_MAX)),
  )
  const ports = config.application.map(({ port }) => port)
  if (ports.length > 0) {
    own.probe = probeApplication(config.applicationHost, ports, ready => opened.setReady(ready && !own.draining))
  }
  const reporter = new EdgeReporter(config.workload, instruments.meters, () => tracer.take())
  const stopReporting = opened.report(() => reporter.take())
  const { host, inboundHost } = config
  let closing: Promise<void> | undefined
  let drained: Promise<void> | undefined

  async function drainAll(): Promise<void> {
    if (own.draining) return
    own.draining = true
    opened.setReady(false)
    const busy = (): boolean => doors.inbound.exchanges + doors.outbound.exchanges > 0
    const end = performance.now() + config.drainTimeoutMs
    const quietFrom = performance.now() + Math.min(WITHDRAWAL_MS, config.drainTimeoutMs)
    while (performance.now() < quietFrom) await pause(DRAIN_POLL_MS)
    own.refusing = true
    while (busy() && performance.now() < end) await pause(DRAIN_POLL_MS)
  }

  async function closeAll(): Promise<void> {
    own.draining = true
    clearInterval(sweep)
    clearInterval(expiring)
    protection.watch.close()
    clearInterval(forgetting)
    own.probe?.close()
    stopRetiring()
    await Promise.all([stopReporting(), assembly.spans.close()])
    doors.close()
    destinations.close()
    application.close()
    await opened.source.close()
    identity.close()
    assembly.wheel.close()
    assembly.access.close()
  }

  return {
    addresses: {
      outbound: `${host}:${doors.ports.outbound}`,
      inbound: `${inboundHost}:${doors.ports.inbound}`,
      admin: `127.0.0.1:${doors.ports.admin}`,
      metrics: `${host}:${doors.ports.metrics}`,
    },
    drain: () => {
      drained ??= drainAll()
      return drained
    },
    close: () => {
      closing ??= closeAll()
      return closing
    },
  }
}

function pause(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}
