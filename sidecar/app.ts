import { type Clock, ok, type Random, type Result, systemClock, systemRandom } from '../common/mod.ts'
import { type Assembly, assemble } from './assembly.ts'
import { forgetProxies, type SidecarConfig } from './config.ts'
import { type DoorParts, openDoors } from './doors.ts'
import { type Identity, loadEnrolment } from './identity/mod.ts'
import { running, type Sidecar } from './life.ts'
import { createAccessLog, createLog, type Log } from './log.ts'
import { openOrigin } from './origin.ts'
import { openPages, type Pages } from './pages.ts'
import type { PolicySource } from './policy/mod.ts'
import { startingPages } from './starting-pages.ts'
import { preloadExporters } from './telemetry/otlp/mod.ts'
import { ownTraffic, type Traffic } from './traffic.ts'
import type { Workers } from './workers-traffic.ts'

export type { Sidecar, SidecarAddresses } from './life.ts'

/** What closing may take after the drain. */
const CLOSE_MS_MAX = 1_000

/** Runs one sidecar until SIGTERM or SIGINT; a second signal ends it at once. Returns the exit status. */
export async function runSidecar(config: SidecarConfig, version: string): Promise<number> {
  forgetProxies()
  const stopping = new AbortController()
  const stopped = Promise.withResolvers<'SIGTERM' | 'SIGINT'>()
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (stopping.signal.aborted) process.exit(0)
      stopping.abort()
      stopped.resolve(signal)
    })
  }
  const died = (): void => process.exit(1)
  const started = await startSidecar(config, version, { signal: stopping.signal, died })
  if (!started.ok) {
    if (stopping.signal.aborted) return 0
    process.stderr.write(`${started.error}\n`)
    return 1
  }
  process.stdout.write(`selvedge sidecar ready ${JSON.stringify(started.value.addresses)}\n`)
  // Who presses Ctrl-C sits before it, and its application runs elsewhere.
  const alone = (await stopped.promise) === 'SIGINT' ? true : undefined
  await started.value.drain(alone)
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
  /** What becomes of us when a worker has died. @default an exception that nobody catches: the process ends */
  readonly died?: (why: Error) => void
}

/** Starts every part. Settles when listeners are open and the first policy is in force. The error is made of whole sentences. */
export async function startSidecar(
  config: SidecarConfig,
  version: string,
  options: StartOptions = {},
): Promise<Result<Sidecar, string>> {
  const { clock = systemClock, random = systemRandom, signal = new AbortController().signal, logFd } = options
  const log = createLog(config.logLevel, config.workload, logFd)
  // They load what they need while the identity comes.
  const workers = await startedWorkers(config, workerDied(log, options.died))
  if (!workers.ok) return workers
  const endStarting = startingPages(config.metricsHost, config.ports.metrics)
  const origin = await openOrigin({ config, version, clock, random, log, signal })
  await endStarting()
  if (!origin.ok) {
    await workers.value?.end()
    return origin
  }
  const { identity } = origin.value
  const access = createAccessLog(config.workload, logFd)
  const assembly = assemble({ config, version, identity, clock, random, log, access, workers: workers.value, logFd })
  const opened = await openAll(config, assembly, identity, clock)
  if (!opened.ok) {
    identity.close()
    await workers.value?.end()
    return opened
  }
  const { traffic, pages, relayed } = opened.value
  const { policy } = assembly.path
  traffic.set({ listeners: [...traffic.listeners, ...pages.listeners] })
  const source = await origin.value.openSource(traffic.ports.inbound)
  assembly.own.source = source
  const first = Promise.withResolvers<void>()
  policy.onChange({ changed: (_services, self) => self && first.resolve() })
  policy.follow(relayed(source.source))
  signal.addEventListener('abort', () => first.resolve(), { once: true })
  await first.promise
  await traffic.settled()
  if (config.stateDir !== undefined) {
    const left = await assembly.adminAccess.leave(config.stateDir, `127.0.0.1:${pages.ports.admin}`)
    if (!left.ok)
      log.warn({ why: left.error }, 'Cannot leave the token of the admin port: "selvedge drain" will not work')
  }
  return ok(running(config, assembly, { traffic, pages, source, identity }))
}

/** Who carries traffic itself loads nothing of this. */
async function startedWorkers(
  config: SidecarConfig,
  died: (worker: number, why: Error) => void,
): Promise<Result<Workers | undefined, string>> {
  if (config.workers === 1) return ok(undefined)
  const { startWorkers } = await import('./workers-traffic.ts')
  return startWorkers(config, died)
}

/** Says why the sidecar ends, and ends it. */
function workerDied(log: Log, died: StartOptions['died']): (worker: number, why: Error) => void {
  const end = (why: Error): void => {
    process.nextTick(() => {
      throw why
    })
  }
  return (worker, why) => {
    log.fatal({ err: why, worker }, 'A worker has died: the sidecar ends, as what that worker carried is lost')
    ;(died ?? end)(why)
  }
}

interface OpenedDoors {
  readonly traffic: Traffic
  readonly pages: Pages
  /** What the policy follows. */
  readonly relayed: (source: PolicySource) => PolicySource
}

/** Opens the doors for traffic and those for pages, or none. */
async function openAll(
  config: SidecarConfig,
  assembly: Assembly,
  identity: Identity,
  clock: Clock,
): Promise<Result<OpenedDoors, string>> {
  const { own, path, view } = assembly
  const common = { ...path, config, identity, clock, draining: () => path.around.draining }
  const carried = await openTraffic(assembly, common)
  if (!carried.ok) return carried
  own.traffic = carried.value.traffic
  const pages = await openPages({ ...common, view })
  if (pages.ok) return ok({ ...carried.value, pages: pages.value })
  await carried.value.traffic.close()
  return pages
}

/** In this thread, or in those that have been started for it. */
async function openTraffic(
  { own, path, watch, spans, workers, write, nowMs }: Assembly,
  common: DoorParts,
): Promise<Result<Omit<OpenedDoors, 'pages'>, string>> {
  if (workers === undefined) {
    const doors = await openDoors(common)
    if (!doors.ok) return doors
    return ok({ traffic: ownTraffic(path, doors.value, watch.loop, nowMs), relayed: source => source })
  }
  const { identity } = common
  const opened = await workers.open({
    ...{ identity, path, write, strain: watch },
    exportSpans: kept => {
      if (spans.wanted) for (const span of kept) spans.add(span)
    },
    connected: () => own.source?.source.connected() ?? false,
    want: service => own.source?.source.want(service),
    findOwner: (address, found) => own.source?.source.findOwner?.(address, found),
  })
  return opened.ok ? ok({ traffic: opened.value, relayed: opened.value.relayed }) : opened
}

/** Loads what a sidecar loads when it needs it, and starts nothing: for whoever prepares a compile cache. */
export async function preload(): Promise<void> {
  await loadEnrolment()
  await import('./discovery/mod.ts')
  await import('./policy/file/mod.ts')
  await import('./telemetry/report/mod.ts')
  await import('./workers-traffic.ts')
  await import('./worker-thread.ts')
  await preloadExporters()
}
