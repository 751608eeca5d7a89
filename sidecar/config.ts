import { resolve } from 'node:path'
import { err, isDnsLabel, ok, type Result, type WorkloadKey, workloadKey } from '../common/mod.ts'
import {
  GivenSettings,
  LOG_LEVELS,
  type LogLevel,
  parseAddress,
  parseBytesWithin,
  parseCountWithin,
  parseDurationWithin,
  parseListenPort,
  parseLogLevel,
  parseSwitch,
  type Setting,
  setting,
  settingsHelp,
} from '../common/settings/mod.ts'
import type { Protocol } from '../model/snapshot/mod.ts'
import { type ApplicationProbes, parseApplicationProbes } from './application-probes/mod.ts'
import {
  type GatewayCredentials,
  type GatewaySetting,
  readGatewayCredentials,
  readGateways,
} from './gateway-setting.ts'

const PROTOCOLS: readonly Protocol[] = ['http', 'http2', 'grpc', 'tcp', 'detect']

const INTERCEPT_MODES = ['none', 'redirect'] as const
type InterceptMode = (typeof INTERCEPT_MODES)[number]

const DRAIN_OUTBOUND = ['application', 'exchanges'] as const
type DrainOutbound = (typeof DRAIN_OUTBOUND)[number]

/** A port that the application listens on. */
export interface ApplicationPort {
  readonly name: string
  readonly port: number
  readonly protocol: Protocol
}

/** Where policy and identity come from. */
export type SidecarSource =
  | {
      readonly kind: 'control-plane'
      /** `host:port` of the mTLS port. */
      readonly discovery: string
      /** `host:port` of the port with server TLS alone. */
      readonly enrolment: string
      readonly joinToken: string
      readonly serviceAccount: string
    }
  | { readonly kind: 'file'; readonly path: string; readonly caDir: string }

/** Everything that a sidecar is told. Read once, at the edge. */
export interface SidecarConfig {
  readonly workload: WorkloadKey
  readonly namespace: string
  readonly source: SidecarSource
  /** Where the outbound port listens. */
  readonly host: string
  /** Where the port for metrics and health listens. */
  readonly metricsHost: string
  /** Where the inbound port listens, and the address that others are told. */
  readonly inboundHost: string
  readonly applicationHost: string
  readonly application: readonly ApplicationPort[]
  /** What the kubelet asks the application through the port for metrics and health. */
  readonly probes: ApplicationProbes
  readonly labels: Readonly<Record<string, string>>
  readonly zone: string
  /** 0 asks for a free one. */
  readonly ports: {
    readonly outbound: number
    readonly inbound: number
    readonly admin: number
    readonly metrics: number
  }
  /** `redirect`: the kernel sends us the application's connections, and we ask where they were going. */
  readonly intercept: InterceptMode
  readonly gateways: readonly GatewaySetting[]
  readonly gatewayCredentials: GatewayCredentials | undefined
  readonly drainTimeoutMs: number
  /** What the outbound port waits for at the end: `application`: until it has gone; `exchanges`: until what is under way has ended. */
  readonly drainOutbound: DrainOutbound
  readonly leafLifeMs: number
  /** Where identity and policy are kept for a restart without the control plane; `undefined`: nowhere. Absolute. */
  readonly stateDir: string | undefined
  /** A service that no request has used for so long, and that carries nothing, is dropped. */
  readonly forgetAfterMs: number
  /** Memory that this process may have; `undefined`: what its cgroup allows. */
  readonly memoryMaxBytes: number | undefined
  /** Connections from callers at each of the two doors. */
  readonly connectionsMax: number
  /** Threads that carry traffic; 1: the main thread does, and there is no other. */
  readonly workers: number
  readonly accessLog: boolean
  readonly logLevel: LogLevel
}

/** All flags, in the order in which the help tells them. */
const SIDECAR_FLAGS: readonly Setting[] = [
  setting('workload', 'NS/NAME', '', 'which workload this sidecar stands beside'),
  setting('control-plane', 'HOST:PORT', '', "the control plane's mTLS port (15012)"),
  setting('enrolment', 'HOST:PORT', '', "the control plane's enrolment port (default: the same host, 15010)"),
  setting('join-token', 'TOKEN', '', 'a join token, from "selvedge token create"'),
  setting('join-token-file', 'FILE', '', 'a file that holds the join token'),
  setting('service-account', 'NAME', '', "the service account of the token (default: the workload's name)"),
  setting('config', 'FILE', '', 'file mode: resources from FILE, which is watched; no control plane'),
  setting('ca-dir', 'DIR', '', 'file mode: the CA that "selvedge cert init DIR" made'),
  setting('port', '[NAME=]PORT[/PROTOCOL]', '', 'a port that the application listens on; none for a pure client', true),
  setting('label', 'KEY=VALUE', '', 'a label of the workload, by which Services select it', true),
  setting('zone', 'NAME', '', 'the zone of the workload'),
  setting('host', 'ADDRESS', '127.0.0.1', 'where the outbound port listens, and that for metrics'),
  setting('metrics-host', 'ADDRESS', '', 'where the port for metrics and health listens (default: --host)'),
  setting('inbound-host', 'ADDRESS', '127.0.0.1', 'where the inbound port listens, and what others are told'),
  setting('application-host', 'ADDRESS', '127.0.0.1', 'where the application listens'),
  setting('outbound-port', 'PORT', '15001', 'the HTTP proxy for the application (0: a free port, as for all ports)'),
  setting('inbound-port', 'PORT', '15006', 'mTLS from other sidecars'),
  setting('admin-port', 'PORT', '15000', 'admin, on loopback only'),
  setting('metrics-port', 'PORT', '15020', 'Prometheus metrics and health'),
  setting('intercept', 'MODE', 'none', 'redirect: take what the rules of "selvedge intercept install" send here'),
  setting(
    'application-probes',
    'JSON',
    '',
    'what the kubelet asks through the metrics port; "selvedge inject" writes it',
  ),
  setting(
    'gateway',
    'LISTEN=SERVICE:PORT',
    '',
    'a port, or https://HOST:PORT, all of whose traffic goes to one service',
    true,
  ),
  setting('gateway-cert', 'FILE', '', "the certificates that https:// gateways show (default: the workload's own)"),
  setting('gateway-key', 'FILE', '', 'the key of --gateway-cert'),
  setting('drain-timeout', 'DURATION', '30s', 'how long exchanges may take to end after SIGTERM, and tunnels be kept'),
  setting(
    'drain-outbound',
    'UNTIL',
    'application',
    'after SIGTERM, serve the application until it has gone (application), or until its exchanges have ended (exchanges)',
  ),
  setting('leaf-life', 'DURATION', '24h', 'file mode: how long a certificate lives; it is renewed at half of that'),
  setting(
    'state-dir',
    'DIR',
    '',
    'keep identity (its key, too) and policy in DIR, for a restart without the control plane',
  ),
  setting('forget-after', 'DURATION', '10m', 'how long a service that nobody uses is kept'),
  setting('memory-max', 'BYTES', '', 'memory to get along with, as in 256MiB (default: what the cgroup allows)'),
  setting('connections-max', 'N', '16384', 'connections that are accepted, at each of the two doors for traffic'),
  setting('workers', 'N', '1', 'threads that carry traffic, which share both doors for it'),
  setting('access-log', '', 'off', 'log one JSON line for each exchange (MeshPolicy can switch it on, too)'),
  setting('log-level', 'LEVEL', 'info', `how much to log: ${LOG_LEVELS.join(', ')}`),
]

const LEAF_LIFE_MS_MIN = 10_000
const LEAF_LIFE_MS_MAX = 365 * 86_400_000
const DRAIN_MS_MAX = 3_600_000
const FORGET_MS_MIN = 1_000
const FORGET_MS_MAX = 30 * 86_400_000
/** Less is what an idle sidecar needs. */
const MEMORY_MAX_BYTES_MIN = 64 * 1024 * 1024
const MEMORY_MAX_BYTES_MAX = 2 ** 44
const CONNECTIONS_MAX_MIN = 8
const CONNECTIONS_MAX_MAX = 1_000_000
/** More threads than a sidecar's machine has processors for only take memory. */
const WORKERS_MAX = 64
const ENROLMENT_PORT = 15_010
const PORTS_MAX = 64
const LABELS_MAX = 64

/**
 * Reads flags (`--name value` or `--name=value`) and environment. The error holds every problem, one sentence each. `readFile` is
 * asked for the token's file and those of `--gateway-cert` and `--gateway-key`.
 */
export function readSidecarConfig(
  args: readonly string[],
  readFile: (path: string) => Result<string, string>,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Result<SidecarConfig, readonly string[]> {
  const given = new GivenSettings('sidecar', SIDECAR_FLAGS, args, env)
  const { problems } = given
  const workload = given.read('workload', parseWorkload)
  if (workload === undefined && given.text('workload') === '') {
    problems.push('Cannot start a sidecar: --workload NAMESPACE/NAME is missing.')
  }
  const config = {
    workload: workload?.key,
    namespace: workload?.namespace,
    source: readSource(given, workload?.name ?? '', readFile),
    host: given.read('host', parseAddress),
    metricsHost: given.read('metrics-host', parseAddress) ?? given.read('host', parseAddress),
    probes: given.read('application-probes', parseApplicationProbes) ?? new Map(),
    inboundHost: given.read('inbound-host', parseAddress),
    applicationHost: given.read('application-host', parseAddress),
    application: readPorts(given.all('port'), problems),
    labels: readLabels(given.all('label'), problems),
    zone: given.text('zone'),
    ports: {
      outbound: given.read('outbound-port', parseListenPort),
      inbound: given.read('inbound-port', parseListenPort),
      admin: given.read('admin-port', parseListenPort),
      metrics: given.read('metrics-port', parseListenPort),
    },
    intercept: given.read('intercept', parseIntercept),
    gateways: readGateways(given, workload?.namespace ?? 'default'),
    gatewayCredentials: readGatewayCredentials(given, readFile),
    drainTimeoutMs: given.read('drain-timeout', text => parseDurationWithin(text, 0, DRAIN_MS_MAX)),
    drainOutbound: given.read('drain-outbound', parseDrainOutbound),
    leafLifeMs: given.read('leaf-life', text => parseDurationWithin(text, LEAF_LIFE_MS_MIN, LEAF_LIFE_MS_MAX)),
    stateDir: given.text('state-dir') === '' ? undefined : resolve(given.text('state-dir')),
    forgetAfterMs: given.read('forget-after', text => parseDurationWithin(text, FORGET_MS_MIN, FORGET_MS_MAX)),
    memoryMaxBytes: given.read('memory-max', text =>
      parseBytesWithin(text, MEMORY_MAX_BYTES_MIN, MEMORY_MAX_BYTES_MAX),
    ),
    connectionsMax: given.read('connections-max', text =>
      parseCountWithin(text, CONNECTIONS_MAX_MIN, CONNECTIONS_MAX_MAX),
    ),
    workers: given.read('workers', text => parseCountWithin(text, 1, WORKERS_MAX)),
    accessLog: given.read('access-log', parseSwitch),
    logLevel: given.read('log-level', parseLogLevel),
  }
  // Without a problem nothing is undefined: each problem stands for one field.
  return problems.length > 0 ? err(problems) : ok(config as SidecarConfig)
}

/** What `selvedge sidecar --help` prints. */
export function sidecarHelp(): string {
  return [
    'Usage: selvedge sidecar [flags]',
    '',
    'Runs one sidecar alone: beside a control plane, or with resources from a file.',
    '',
    ...settingsHelp(SIDECAR_FLAGS),
    '',
    'Examples:',
    '  selvedge sidecar --control-plane 127.0.0.1:15012 --join-token-file token --workload bookshop/reviews-1 \\',
    '    --service-account reviews --port http=8080 --label app=reviews',
    '  selvedge sidecar --config mesh.yaml --ca-dir ca --workload bookshop/storefront',
    '',
  ].join('\n')
}

function readSource(
  given: GivenSettings,
  workloadName: string,
  readFile: (path: string) => Result<string, string>,
): SidecarSource | undefined {
  const { problems } = given
  const file = given.text('config')
  const discovery = given.text('control-plane')
  if (file !== '' && discovery !== '') {
    problems.push('Cannot use --config together with --control-plane: policy comes from one of them.')
    return undefined
  }
  if (file !== '') {
    const caDir = given.text('ca-dir')
    if (caDir === '') problems.push('Cannot use --config without --ca-dir: make a CA with "selvedge cert init DIR".')
    return { kind: 'file', path: resolve(file), caDir: resolve(caDir) }
  }
  if (discovery === '') {
    problems.push('Cannot start a sidecar: give --control-plane HOST:PORT, or --config FILE for file mode.')
    return undefined
  }
  const joinToken = readToken(given, readFile)
  const host = hostOf(discovery)
  if (host === undefined) problems.push(`Cannot use --control-plane: "${discovery}" is not HOST:PORT.`)
  const enrolment = given.text('enrolment') === '' ? `${host}:${ENROLMENT_PORT}` : given.text('enrolment')
  if (hostOf(enrolment) === undefined) problems.push(`Cannot use --enrolment: "${enrolment}" is not HOST:PORT.`)
  const serviceAccount = given.text('service-account') === '' ? workloadName : given.text('service-account')
  if (serviceAccount !== '' && !isDnsLabel(serviceAccount)) {
    problems.push(`Cannot use --service-account: "${serviceAccount}" is not a DNS label.`)
  }
  return { kind: 'control-plane', discovery, enrolment, joinToken, serviceAccount }
}

/** Empty where what is kept in the state folder has to do. */
function readToken(given: GivenSettings, readFile: (path: string) => Result<string, string>): string {
  const { problems } = given
  const token = given.text('join-token')
  const path = given.text('join-token-file')
  if (token !== '') return token.trim()
  if (path === '') {
    if (given.text('state-dir') === '')
      problems.push('Cannot join the mesh: give --join-token or --join-token-file, from "selvedge token create".')
    return ''
  }
  const text = readFile(path)
  if (text.ok) return text.value.trim()
  problems.push(`Cannot read --join-token-file: ${text.error}.`)
  return ''
}

function hostOf(address: string): string | undefined {
  const match = /^(\[[0-9a-fA-F:.]+\]|[^:[\]]+):([0-9]{1,5})$/.exec(address)
  return match === null || Number(match[2]) > 65_535 ? undefined : match[1]
}

function parseIntercept(text: string): Result<InterceptMode, string> {
  const mode = INTERCEPT_MODES.find(known => known === text)
  return mode === undefined ? err(`"${text}" is not a mode: use ${INTERCEPT_MODES.join(' or ')}`) : ok(mode)
}

function parseDrainOutbound(text: string): Result<DrainOutbound, string> {
  const known = DRAIN_OUTBOUND.find(each => each === text)
  return known === undefined ? err(`"${text}" is neither ${DRAIN_OUTBOUND.join(' nor ')}`) : ok(known)
}

function parseWorkload(text: string): Result<{ key: WorkloadKey; namespace: string; name: string }, string> {
  const [namespace = '', name = '', ...more] = text.split('/')
  if (!isDnsLabel(namespace) || !isDnsLabel(name) || more.length > 0) {
    return err(`"${text}" is not a workload: write NAMESPACE/NAME, as in bookshop/reviews-1`)
  }
  return ok({ key: workloadKey(namespace, name), namespace, name })
}

/** `8080`, `http=8080` or `http=8080/http`. */
function readPorts(texts: readonly string[], problems: string[]): readonly ApplicationPort[] {
  const ports: ApplicationPort[] = []
  for (const text of texts) {
    const match = /^(?:([a-z0-9-]{1,63})=)?([0-9]{1,5})(?:\/([a-z0-9]+))?$/.exec(text)
    const port = Number(match?.[2] ?? 0)
    const protocol = PROTOCOLS.find(known => known === (match?.[3] ?? 'detect'))
    if (match === null || port < 1 || port > 65_535 || protocol === undefined) {
      problems.push(`Cannot use --port: "${text}" is not [NAME=]PORT[/PROTOCOL], as in http=8080.`)
    } else if (ports.some(known => known.port === port)) problems.push(`Cannot use --port: ${port} is given twice.`)
    else ports.push({ name: match[1] ?? (ports.length === 0 ? 'http' : `port-${port}`), port, protocol })
  }
  if (ports.length > PORTS_MAX) problems.push(`Cannot use --port: at most ${PORTS_MAX} ports.`)
  return ports
}

function readLabels(texts: readonly string[], problems: string[]): Readonly<Record<string, string>> {
  const labels: Record<string, string> = Object.create(null) as Record<string, string>
  for (const text of texts) {
    const at = text.indexOf('=')
    if (at < 1) problems.push(`Cannot use --label: "${text}" is not KEY=VALUE.`)
    else labels[text.slice(0, at)] = text.slice(at + 1)
  }
  if (texts.length > LABELS_MAX) problems.push(`Cannot use --label: at most ${LABELS_MAX} labels.`)
  return labels
}

/** What gRPC's client reads for a proxy, of which an exporter can't be told otherwise. */
const PROXIES = ['grpc_proxy', 'https_proxy', 'http_proxy']

/**
 * Forgets the proxies of the environment: a sidecar is a proxy, and what the environment says of them was meant for the application beside
 * it. Its exports of spans would go in at its own door.
 */
export function forgetProxies(env: NodeJS.ProcessEnv = process.env): void {
  for (const name of PROXIES) delete env[name]
}
