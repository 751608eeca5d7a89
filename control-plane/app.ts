import type { Server } from 'node:http'
import { logVerbosity, setLogVerbosity } from '@grpc/grpc-js'
import { destination, type Logger, pino } from 'pino'
import { type Clock, ok, type Result, refusalLog, systemClock } from '../common/mod.ts'
import { type Admission, admissionServer } from './admission/mod.ts'
import { type ApiParts, apiRoutes, apiServer, type JoinTokenView, openAccess, type TokenIssuer } from './api/mod.ts'
import { createJoinToken } from './attestation/mod.ts'
import { enrolmentService, peerIdentity, renewalService } from './ca/mod.ts'
import { type ControlPlaneConfig, restSpeaksTls } from './config.ts'
import { discoveryService } from './discovery/mod.ts'
import { type Doors, openDoors } from './doors.ts'
import { createFleet } from './fleet/mod.ts'
import { censusOf, type GuardedWorld, guardWorld, lostKinds, openCensusFile } from './guard/mod.ts'
import { type Kept, type OnClose, openKept } from './kept.ts'
import { type ControlMetrics, controlMetrics, metricsServer } from './metrics.ts'
import { type OpenRegistry, openLeaseRegistry } from './registry/mod.ts'
import { createSnapshots } from './snapshots/mod.ts'
import { telemetryService } from './telemetry/mod.ts'

/** A control plane that runs. */
export interface ControlPlane {
  /** Real addresses, also where the configuration asked for a free port. */
  readonly addresses: ControlPlaneAddresses
  /** Ends all streams and servers, then the store. No workload is withdrawn for it. Idempotent. */
  close(): Promise<void>
}

export interface ControlPlaneAddresses {
  /** `http://127.0.0.1:15080`; https off loopback. */
  readonly rest: string
  /** `host:port`, as are the others. */
  readonly enrolment: string
  readonly discovery: string
  readonly metrics: string
  /** Where there is one. */
  readonly webhook?: string
  /** Where the bearer token lies. */
  readonly tokenFile: string
}

/** What others lend a control plane. */
export interface Plugs {
  /** Answers at the webhook's port; without it that port stays closed. */
  readonly admission?: Admission
}

/** What an end of this program must not exceed, whatever hangs. */
const CLOSE_MS_MAX = 900
/** What may have been deleted in the last moments of the control plane before this one. */
const AUDIT_MAX = 10_000

/** Runs a control plane until SIGTERM or SIGINT. The ready line goes to stdout, the log to stderr. Returns the exit status. */
export async function runControlPlane(config: ControlPlaneConfig, version: string, plugs: Plugs): Promise<number> {
  const started = await startControlPlane(config, version, systemClock, plugs)
  if (!started.ok) {
    process.stderr.write(`${started.error}\n`)
    return 1
  }
  process.stdout.write(`selvedge control-plane ready ${JSON.stringify(started.value.addresses)}\n`)
  await new Promise<void>(resolve => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => resolve())
  })
  setTimeout(() => process.exit(0), CLOSE_MS_MAX).unref()
  await started.value.close()
  return 0
}

/** Starts every part, in the order in which they need each other. The error is one sentence; what was open is closed again then. */
export async function startControlPlane(
  config: ControlPlaneConfig,
  version: string,
  clock: Clock = systemClock,
  plugs: Plugs = {},
): Promise<Result<ControlPlane, string>> {
  const closers: (() => void | Promise<void>)[] = []
  let closing: Promise<void> | undefined
  const close = (): Promise<void> => {
    closing ??= closeInReverse(closers)
    return closing
  }
  const assembled = await assemble({ config, version, clock, plugs }, closer => closers.push(closer))
  if (assembled.ok) return ok({ addresses: assembled.value, close })
  await close()
  return assembled
}

async function closeInReverse(closers: readonly (() => void | Promise<void>)[]): Promise<void> {
  for (const closer of closers.toReversed()) await closer()
}

interface Given {
  readonly config: ControlPlaneConfig
  readonly version: string
  readonly clock: Clock
  readonly plugs: Plugs
}

async function assemble(
  { config, version, clock, plugs }: Given,
  onClose: OnClose,
): Promise<Result<ControlPlaneAddresses, string>> {
  const log = openLog(config)

  // What is kept: resources, leases, tokens; the root; the bearer token.
  const opened = await openKept(config, clock, log, onClose)
  if (!opened.ok) return opened
  const kept = opened.value
  const { store, world, authority } = kept
  const { trustDomain } = authority

  // What sidecars get, and what they tell.
  const metrics = controlMetrics({ storeRevision: () => store.revision(), clock })
  const guard = await openGuard(config, kept, clock, log, onClose)
  metrics.guarded(guard.alarms)
  const workloads = (await store.leases.list()).map(({ workload }) => workload)
  const expected = { workloads, graceMs: config.restartGraceMs }
  const fleet = metrics.observed(createFleet({ clock, revision: () => world.state().revision, expected }))
  const registry = await openRegistry(config, kept, log)
  onClose(() => registry.close())
  const identify = (call: Parameters<typeof peerIdentity>[0]) =>
    peerIdentity(call, { trustDomain, nowMs: clock.wallMs() })
  const discovery = discoveryService({
    snapshots: createSnapshots(guard, trustDomain),
    registry,
    fleet,
    peerIdentity: identify,
    name: `selvedge ${version}`,
    clock,
    log: (fields, message) => log.info(fields, message),
  })
  const telemetry = telemetryService({ peerIdentity: identify, clock })

  // The doors: gRPC for sidecars, REST for people and programs, metrics for Prometheus.
  let doors: Doors | undefined
  const info = () => ({ version, trustDomain, enrolment: doors?.enrolment ?? '', discovery: doors?.discovery ?? '' })
  const tokens = tokenIssuer(kept, clock)
  const parts = {
    store,
    world,
    fleet,
    graph: telemetry,
    traces: telemetry,
    tokens,
    guard,
    access: openAccess(kept.token, store.apiTokens, clock),
    clock,
    info,
    ready: () => doors !== undefined,
  }
  const signing = { authority, clock, log, observe: metrics.csr }
  const refusals = refusalLog(log, clock)
  const listening = await openDoors(config, {
    enrolment: [enrolmentService({ ...signing, tokens: store.tokens })],
    discovery: [discovery, telemetry, renewalService(signing)],
    ownLeaf: kept.ownLeaf,
    rest: restServer(config, kept, parts, log),
    metrics: metricsServer(metrics),
    webhook: webhookServer(config, plugs, kept, metrics, log),
    handshakeRefused: (why, port) => {
      metrics.handshakeRefused()
      refusals(why, { why, port: String(port) }, 'Refused a peer: its TLS handshake failed')
    },
    connectionDropped: door => {
      metrics.connectionDropped(door)
      refusals(door, { door }, 'Cannot accept a connection: as many are open as may be. It was closed at once')
    },
  })
  if (!listening.ok) return listening
  doors = listening.value
  const { close, rest, ...addresses } = doors
  onClose(async () => {
    doors = undefined
    // First of all: from here on a stream that ends withdraws nothing.
    await registry.close()
    discovery.close()
    telemetry.close()
    await close()
  })
  log.info({ version, trustDomain, revision: store.revision() }, 'ready')
  const scheme = restSpeaksTls(config) ? 'https' : 'http'
  return ok({ rest: `${scheme}://${rest}`, ...addresses, tokenFile: kept.tokenFile })
}

/** JSON lines on stderr, written before the next thing happens: at this rate that costs nothing, and an end loses none. */
function openLog({ logLevel }: ControlPlaneConfig): Logger {
  // What goes wrong with gRPC is told by us, in our words.
  setLogVerbosity(logVerbosity.NONE)
  return pino({ level: logLevel, base: null }, destination({ dest: 2, sync: true }))
}

/** The world as sidecars are shown it; what the store held when the last control plane ended is remembered beside it. */
async function openGuard(
  { dataDir }: ControlPlaneConfig,
  { store, world }: Kept,
  clock: Clock,
  log: Logger,
  onClose: OnClose,
): Promise<GuardedWorld> {
  const file = openCensusFile(dataDir, log)
  onClose(() => file.close())
  const { world: now, revision } = world.state()
  const { before } = file
  const census = censusOf(now, revision)
  const missing = before === undefined ? [] : lostKinds(before, census, [])
  // The log is long, and nearly always nothing is missing.
  const lost =
    before === undefined || missing.length === 0 ? [] : lostKinds(before, census, await store.audit.list(AUDIT_MAX))
  const guard = guardWorld({ world, clock, before, lost, note: file.note, log })
  onClose(() => guard.close())
  return guard
}

function openRegistry(config: ControlPlaneConfig, { store, world }: Kept, log: Logger): Promise<OpenRegistry> {
  return openLeaseRegistry({
    records: store.leases,
    show: world.applyLeases,
    isWritten: world.isWritten,
    warn: message => log.warn(message),
    graceMs: config.leaseGraceMs,
    restartGraceMs: config.restartGraceMs,
  })
}

function tokenIssuer({ store, authority }: Kept, clock: Clock): TokenIssuer {
  const list = async (): Promise<JoinTokenView[]> =>
    (await store.tokens.list())
      .filter(({ usesLeft, expiresMs }) => usesLeft > 0 && expiresMs > clock.wallMs())
      .map(({ id, namespace, serviceAccount, usesLeft, createdMs, expiresMs }) => ({
        ...{ id, serviceAccount: `${namespace}/${serviceAccount}`, usesLeft, createdMs, expiresMs },
      }))
  return {
    list,
    async revoke(id) {
      const found = (await list()).find(token => token.id === id)
      if (found !== undefined) await store.tokens.remove(id)
      return found
    },
    async issue({ namespace, serviceAccount, uses, ttlMs }) {
      const wish = {
        namespace,
        serviceAccount,
        caPin: authority.rootPin,
        ...(uses === undefined ? {} : { uses }),
        ...(ttlMs === undefined ? {} : { lifeMs: ttlMs }),
      }
      const made = await createJoinToken(store.tokens, wish, clock)
      if (!made.ok) return made
      const { text, record } = made.value
      return ok({ id: record.id, text, expiresMs: record.expiresMs })
    },
  }
}

function webhookServer(
  { ports }: ControlPlaneConfig,
  { admission }: Plugs,
  kept: Kept,
  metrics: ControlMetrics,
  log: Logger,
): Server | undefined {
  if (ports.webhook === undefined || admission === undefined) return undefined
  return admissionServer({ admission, tls: kept.ownLeaf, answered: metrics.admission, log })
}

function restServer(config: ControlPlaneConfig, kept: Kept, parts: ApiParts, log: Logger): Server {
  return apiServer({
    tls: restSpeaksTls(config) ? kept.ownLeaf : undefined,
    access: parts.access,
    routes: apiRoutes(parts),
    failed: (error, call) => log.error({ err: error, call }, 'a call of the API ended with an exception'),
  })
}
