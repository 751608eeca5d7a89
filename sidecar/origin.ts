import { loadCaDir } from '../certs/mod.ts'
import { makeFolder } from '../common/folders/mod.ts'
import { type Clock, err, ok, type Random, type Result } from '../common/mod.ts'
import type { TelemetryReport } from '../model/telemetry/mod.ts'
import type { SidecarConfig, SidecarSource } from './config.ts'
import { enrolledIdentity, type Identity, localIdentity } from './identity/mod.ts'
import type { Log } from './log.ts'
import type { PolicySource } from './policy/mod.ts'

/** Where a sidecar's identity and policy come from, opened. */
export interface Origin {
  readonly identity: Identity
  /** What the policy follows. `inboundPort` is told to others; the source is started by whoever follows it. */
  openSource(inboundPort: number): Promise<OpenedSource>
}

export interface OpenedSource {
  readonly source: PolicySource
  /** The application began, or ceased, to answer. */
  setReady(ready: boolean): void
  status(): unknown
  /** Begins to report what `take` gives. Returns what ends it, after a last report. */
  report(take: () => TelemetryReport | undefined): () => Promise<void>
}

interface OriginOptions {
  readonly config: SidecarConfig
  readonly version: string
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** Ends the wait for a control plane that is away. */
  readonly signal: AbortSignal
}

export function openOrigin(options: OriginOptions): Promise<Result<Origin, string>> {
  const { source } = options.config
  return source.kind === 'file' ? openFile(options, source) : openControlPlane(options, source)
}

async function openFile(
  options: OriginOptions,
  source: Extract<SidecarSource, { kind: 'file' }>,
): Promise<Result<Origin, string>> {
  const { config, clock, random, log } = options
  const ca = loadCaDir(source.caDir)
  if (!ca.ok) return ca
  // The schemas of all resources are a tenth of a sidecar's memory: who has a control plane never loads them.
  const { fileSource, loadFile } = await import('./policy/file/mod.ts')
  const file = { path: source.path, workload: config.workload, trustDomain: ca.value.trustDomain }
  const loaded = loadFile(file)
  if (!loaded.ok) {
    const { formatProblem } = await import('../model/resources/mod.ts')
    return err(loaded.error.map(formatProblem).join('\n'))
  }
  const { namespace, serviceAccount } = loaded.value.self
  const identity = localIdentity({
    caDir: source.caDir,
    namespace,
    serviceAccount,
    clock,
    random,
    leafLifeMs: config.leafLifeMs,
  })
  if (!identity.ok) return identity
  return ok({
    identity: identity.value,
    openSource: async () => ({
      source: fileSource({ ...file, log }),
      setReady: () => undefined,
      status: () => ({ kind: 'file', path: source.path }),
      report: () => async () => undefined,
    }),
  })
}

async function openControlPlane(
  options: OriginOptions,
  source: Extract<SidecarSource, { kind: 'control-plane' }>,
): Promise<Result<Origin, string>> {
  const { config, version, clock, random, log, signal } = options
  const folder = makeStateFolder(config.stateDir)
  if (!folder.ok) return folder
  const { discovery: discoveryAddress, enrolment: enrolmentAddress, joinToken, serviceAccount } = source
  const identity = await enrolledIdentity({
    enrolmentAddress,
    discoveryAddress,
    joinToken,
    stateDir: config.stateDir,
    workload: { namespace: config.namespace, serviceAccount },
    workloadName: config.workload,
    clock,
    random,
    log: { info: message => log.info(message), warn: message => log.warn(message) },
    signal,
  })
  if (!identity.ok) return identity
  const tell = (fields: Readonly<Record<string, unknown>>, message: string): void => {
    if (message.startsWith('Cannot')) log.warn(fields, message)
    else log.info(fields, message)
  }
  return ok({
    identity: identity.value,
    openSource: async inboundPort => {
      // gRPC is a third of a sidecar's memory: file mode never loads it.
      const { streamSource } = await import('./discovery/mod.ts')
      const { telemetryReporter } = await import('./telemetry/report/mod.ts')
      const stream = streamSource({
        discoveryAddress,
        identity: identity.value,
        workload: config.workload,
        registration: {
          address: config.inboundHost,
          inboundPort: config.application.length === 0 ? undefined : inboundPort,
          ports: config.application,
          labels: config.labels,
          serviceAccount,
          zone: config.zone,
          ready: false,
        },
        programVersion: version,
        stateDir: config.stateDir,
        clock,
        random,
        log: tell,
      })
      return {
        source: stream,
        setReady: ready => stream.setReady(ready),
        status: () => ({ kind: 'control-plane', ...stream.status() }),
        report: take => {
          // The discovery stream warns of the same outage; once is enough.
          const quiet = (fields: Readonly<Record<string, unknown>>, message: string): void => log.info(fields, message)
          const reporter = telemetryReporter({ discoveryAddress, identity: identity.value, take, random, log: quiet })
          return () => reporter.close()
        },
      }
    },
  })
}

function makeStateFolder(dir: string | undefined): Result<void, string> {
  if (dir === undefined) return ok(undefined)
  try {
    makeFolder(dir)
    return ok(undefined)
  } catch (error) {
    return err(`Cannot make the folder --state-dir ${dir}: ${error instanceof Error ? error.message : String(error)}.`)
  }
}
