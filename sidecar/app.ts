import { type Clock, ok, type Random, type Result, systemClock, systemRandom } from '../common/mod.ts'
import { CertificateAlarm, certificateState } from './certificate-alarm.ts'
import { forgetProxies, type SidecarConfig } from './config.ts'
import { assembleDataPath } from './data-path.ts'
import { type Doors, openDoors } from './doors.ts'
import { type Identity, loadEnrolment } from './identity/mod.ts'
import { type AccessLog, createAccessLog, createLog, type Log } from './log.ts'
import { type OpenedSource, openOrigin } from './origin.ts'
import { collectGarbage, OverloadWatch, ownMemory } from './overload/mod.ts'
import { openPages, type Pages } from './pages.ts'
import { type ApplicationProbe, probeApplication } from './probe.ts'
import { spanExport } from './span-export.ts'
import { EdgeReporter } from './telemetry/mod.ts'
import { type OtlpExport, preloadExporters } from './telemetry/otlp/mod.ts'
import { adminView } from './view.ts'

/** Where a running sidecar listens, as `host:port`. */
export interface SidecarAddresses {
  readonly outbound: string
  readonly inbound: string
  readonly admin: string
  readonly metrics: string
  /** In the order in which they were asked for. */
  readonly gateways: readonly string[]
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
const DRAIN_POLL_MS = 20
/** After it has said that it is not ready, a sidecar is still sent requests until all callers have been told. */
const WITHDRAWAL_MS = 200
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
  const opened = await openAll(config, assembly, identity, clock)
  if (!opened.ok) {
    identity.close()
    return opened
  }
  const { doors, pages } = opened.value
  const { policy, around } = assembly.path
  around.listeners = [...doors.listeners, ...pages.listeners]
  const source = await origin.value.openSource(doors.ports.inbound)
  assembly.own.source = source
  const first = Promise.withResolvers<void>()
  policy.onChange({ changed: (_services, self) => self && first.resolve() })
  policy.follow(source.source)
  signal.addEventListener('abort', () => first.resolve(), { once: true })
  await first.promise
  return ok(running(config, assembly, { doors, pages, source, identity }))
}

/** Opens the doors for traffic and those for pages, or none. */
async function openAll(
  config: SidecarConfig,
  { path, view }: Assembly,
  identity: Identity,
  clock: Clock,
): Promise<Result<{ readonly doors: Doors; readonly pages: Pages }, string>> {
  const common = { ...path, config, identity, clock, draining: () => path.around.draining }
  const doors = await openDoors(common)
  if (!doors.ok) return doors
  const pages = await openPages({ ...common, view })
  if (pages.ok) return ok({ doors: doors.value, pages: pages.value })
  doors.value.close()
  return pages
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

/** Everything that needs no listener yet. */
function assemble(parts: AssemblyParts) {
  const { config, version, identity, clock, random, log, access } = parts
  const { nowMs } = clock
  /** Known once it has been opened. */
  const own: { source: OpenedSource | undefined } = { source: undefined }
  const watch = new OverloadWatch({
    nowMs,
    readMemory: ownMemory(config.memoryMaxBytes),
    collect: collectGarbage,
    closeIdle: () => path.protection.closeIdle(),
    log,
  })
  let exporting: OtlpExport | undefined
  const path = assembleDataPath({
    ...{ config, identity, clock, random, log, access: access.log, strain: watch },
    exporter: (policy, route) => {
      exporting = spanExport({ policy, random, nowMs, log, version, route })
      return exporting
    },
  })
  const spans = exporting!
  const { policy, destinations, instruments, protection, around, tracer } = path
  const view = adminView({
    ...{ policy, destinations, instruments, identity, protection, watch, nowMs, wallMs: clock.wallMs },
    connected: () => own.source?.source.connected() ?? false,
    draining: () => around.draining,
    status: () => own.source?.status(),
    spans: () => ({ exported: spans.exported, dropped: { ...spans.dropped, unreported: tracer.dropped } }),
  })
  const alarm = new CertificateAlarm(log)
  const lookAtCertificate = (): void => {
    const { notAfterMs } = identity.current()
    alarm.look(certificateState(identity.renewal(), notAfterMs, clock.wallMs()), notAfterMs)
  }
  return { own, nowMs, access, path, watch, view, spans, lookAtCertificate }
}

interface Opened {
  readonly doors: Doors
  readonly pages: Pages
  readonly source: OpenedSource
  readonly identity: Identity
}

/** The rest of a sidecar's life: sweeping, probing, reporting, draining. */
function running(config: SidecarConfig, assembly: Assembly, { doors, pages, source, identity }: Opened): Sidecar {
  const { path, watch, spans, lookAtCertificate } = assembly
  const { policy, destinations, instruments, tracer, around } = path
  const stopTending = path.tend(doors)
  const sweep = setInterval(() => {
    pages.sweep()
    lookAtCertificate()
  }, SWEEP_MS)
  watch.start()
  const forgetting = setInterval(
    () => policy.forgetUnused(assembly.nowMs() - config.forgetAfterMs, key => destinations.isBusy(key)),
    Math.min(FORGET_SWEEP_MS, config.forgetAfterMs),
  )
  const ports = config.application.map(({ port }) => port)
  let probe: ApplicationProbe | undefined
  if (ports.length > 0) {
    probe = probeApplication(config.applicationHost, ports, ready => source.setReady(ready && !around.draining))
    around.hint = () => probe?.hint()
  }
  const reporter = new EdgeReporter(config.workload, instruments.meters, () => tracer.take())
  const stopReporting = source.report(() => reporter.take())
  const { host, inboundHost, metricsHost } = config
  let closing: Promise<void> | undefined
  let drained: Promise<void> | undefined

  async function drainAll(): Promise<void> {
    if (around.draining) return
    around.draining = true
    source.setReady(false)
    const busy = (): boolean => doors.inbound.exchanges + doors.outbound.exchanges > 0
    const end = performance.now() + config.drainTimeoutMs
    const quietFrom = performance.now() + Math.min(WITHDRAWAL_MS, config.drainTimeoutMs)
    while (performance.now() < quietFrom) await pause(DRAIN_POLL_MS)
    around.refusing = true
    while (busy() && performance.now() < end) await pause(DRAIN_POLL_MS)
  }

  async function closeAll(): Promise<void> {
    around.draining = true
    stopTending()
    clearInterval(sweep)
    watch.close()
    clearInterval(forgetting)
    probe?.close()
    await Promise.all([stopReporting(), spans.close()])
    doors.close()
    pages.close()
    path.close()
    await source.source.close()
    identity.close()
    assembly.access.close()
  }

  return {
    addresses: {
      outbound: `${host}:${doors.ports.outbound}`,
      inbound: `${inboundHost}:${doors.ports.inbound}`,
      admin: `127.0.0.1:${pages.ports.admin}`,
      metrics: `${metricsHost}:${pages.ports.metrics}`,
      gateways: config.gateways.map(({ host: at }, i) => `${at}:${doors.ports.gateways[i]}`),
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
