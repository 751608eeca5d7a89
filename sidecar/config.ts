import { isIP } from 'node:net'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { err, isDnsLabel, ok, parseDurationMs, type Result, type WorkloadKey, workloadKey } from '../common/mod.ts'
import type { Protocol } from '../model/snapshot/mod.ts'

export type LogLevel = (typeof LOG_LEVELS)[number]

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const
const PROTOCOLS: readonly Protocol[] = ['http', 'http2', 'grpc', 'tcp', 'detect']

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
  /** Where the outbound, admin and metrics ports listen. */
  readonly host: string
  /** Where the inbound port listens, and the address that others are told. */
  readonly inboundHost: string
  readonly applicationHost: string
  readonly application: readonly ApplicationPort[]
  readonly labels: Readonly<Record<string, string>>
  readonly zone: string
  /** 0 asks for a free one. */
  readonly ports: {
    readonly outbound: number
    readonly inbound: number
    readonly admin: number
    readonly metrics: number
  }
  readonly drainTimeoutMs: number
  readonly leafLifeMs: number
  readonly accessLog: boolean
  readonly logLevel: LogLevel
}

/** One flag, which is an environment variable too; where both are given, the flag counts. */
export interface SidecarFlag {
  /** Without its dashes. */
  readonly name: string
  /** `SELVEDGE_CONTROL_PLANE` */
  readonly variable: string
  /** What its value is called in the help; empty for a switch. */
  readonly value: string
  readonly fallback: string
  readonly help: string
  /** In a variable, several values are separated by commas. */
  readonly repeatable: boolean
}

function flag(name: string, value: string, fallback: string, help: string, repeatable = false): SidecarFlag {
  return { name, variable: `SELVEDGE_${name.toUpperCase().replaceAll('-', '_')}`, value, fallback, help, repeatable }
}

/** All flags, in the order in which the help tells them. */
export const SIDECAR_FLAGS: readonly SidecarFlag[] = [
  flag('workload', 'NS/NAME', '', 'which workload this sidecar stands beside'),
  flag('control-plane', 'HOST:PORT', '', "the control plane's mTLS port (15012)"),
  flag('enrolment', 'HOST:PORT', '', "the control plane's enrolment port (default: the same host, 15010)"),
  flag('token', 'TOKEN', '', 'a join token, from "selvedge token create"'),
  flag('token-file', 'FILE', '', 'a file that holds the join token'),
  flag('service-account', 'NAME', '', "the service account of the token (default: the workload's name)"),
  flag('config', 'FILE', '', 'file mode: resources from FILE, which is watched; no control plane'),
  flag('ca-dir', 'DIR', '', 'file mode: the CA that "selvedge cert init DIR" made'),
  flag('port', '[NAME=]PORT[/PROTOCOL]', '', 'a port that the application listens on; none for a pure client', true),
  flag('label', 'KEY=VALUE', '', 'a label of the workload, by which Services select it', true),
  flag('zone', 'NAME', '', 'the zone of the workload'),
  flag('host', 'ADDRESS', '127.0.0.1', 'where the outbound, admin and metrics ports listen'),
  flag('inbound-host', 'ADDRESS', '127.0.0.1', 'where the inbound port listens, and what others are told'),
  flag('application-host', 'ADDRESS', '127.0.0.1', 'where the application listens'),
  flag('outbound-port', 'PORT', '15001', 'the HTTP proxy for the application (0: a free port, as for all ports)'),
  flag('inbound-port', 'PORT', '15006', 'mTLS from other sidecars'),
  flag('admin-port', 'PORT', '15000', 'admin, on loopback only'),
  flag('metrics-port', 'PORT', '15020', 'Prometheus metrics and health'),
  flag('drain-timeout', 'DURATION', '30s', 'how long exchanges may take to end after SIGTERM'),
  flag('leaf-life', 'DURATION', '24h', 'file mode: how long a certificate lives; it is renewed at half of that'),
  flag('access-log', '', 'off', 'log one JSON line for each exchange (MeshPolicy can switch it on, too)'),
  flag('log-level', 'LEVEL', 'info', `how much to log: ${LOG_LEVELS.join(', ')}`),
]

const LEAF_LIFE_MS_MIN = 10_000
const LEAF_LIFE_MS_MAX = 365 * 86_400_000
const DRAIN_MS_MAX = 3_600_000
const ENROLMENT_PORT = 15_010
const PORTS_MAX = 64
const LABELS_MAX = 64

type Values = (name: string) => readonly string[]

/**
 * Reads flags (`--name value` or `--name=value`) and environment. The error holds every problem, one sentence each. `readFile` is
 * asked for the token's file alone.
 */
export function readSidecarConfig(
  args: readonly string[],
  readFile: (path: string) => Result<string, string>,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Result<SidecarConfig, readonly string[]> {
  const problems: string[] = []
  const given = readFlags(args, problems)
  const values: Values = name => {
    const known = SIDECAR_FLAGS.find(candidate => candidate.name === name)
    if (known === undefined) throw new Error(`Assertion failed: --${name} is in the table`)
    const variable = env[known.variable] ?? ''
    const fromVariable = variable === '' ? [] : known.repeatable ? variable.split(',') : [variable]
    return given.get(name) ?? (fromVariable.length > 0 ? fromVariable : known.fallback === '' ? [] : [known.fallback])
  }
  function read<T>(name: string, parse: (text: string) => Result<T, string>): T | undefined {
    const text = values(name).at(-1)
    if (text === undefined) return undefined
    const parsed = parse(text)
    if (parsed.ok) return parsed.value
    problems.push(`Cannot use --${name}: ${parsed.error}.`)
    return undefined
  }

  const workload = read('workload', parseWorkload)
  if (workload === undefined && values('workload').length === 0) {
    problems.push('Cannot start a sidecar: --workload NAMESPACE/NAME is missing.')
  }
  const config = {
    workload: workload?.key,
    namespace: workload?.namespace,
    source: readSource(values, workload?.name ?? '', readFile, problems),
    host: read('host', parseHost),
    inboundHost: read('inbound-host', parseHost),
    applicationHost: read('application-host', parseHost),
    application: readPorts(values('port'), problems),
    labels: readLabels(values('label'), problems),
    zone: values('zone').at(-1) ?? '',
    ports: {
      outbound: read('outbound-port', parseListenPort),
      inbound: read('inbound-port', parseListenPort),
      admin: read('admin-port', parseListenPort),
      metrics: read('metrics-port', parseListenPort),
    },
    drainTimeoutMs: read('drain-timeout', text => parseBounded(text, 0, DRAIN_MS_MAX)),
    leafLifeMs: read('leaf-life', text => parseBounded(text, LEAF_LIFE_MS_MIN, LEAF_LIFE_MS_MAX)),
    accessLog: read('access-log', parseSwitch),
    logLevel: read('log-level', parseLogLevel),
  }
  // Without a problem nothing is undefined: each problem stands for one field.
  return problems.length > 0 ? err(problems) : ok(config as SidecarConfig)
}

/** What `selvedge sidecar --help` prints. */
export function sidecarHelp(): string {
  const rows = SIDECAR_FLAGS.map(({ name, value, fallback, help, variable, repeatable }) => ({
    left: `  --${name}${value === '' ? '' : ` ${value}`}`,
    right: `${help}${repeatable ? ' (repeatable)' : ''}${fallback === '' ? '' : ` (default: ${fallback})`} [${variable}]`,
  }))
  const width = Math.max(...rows.map(({ left }) => left.length))
  return [
    'Usage: selvedge sidecar [flags]',
    '',
    'Runs one sidecar alone: beside a control plane, or with resources from a file.',
    '',
    'Flags, each of which may be an environment variable instead:',
    ...rows.map(({ left, right }) => `${left.padEnd(width)}  ${right}`),
    `${'  -h, --help'.padEnd(width)}  show this help`,
    '',
    'Examples:',
    '  selvedge sidecar --control-plane 127.0.0.1:15012 --token-file token --workload bookshop/reviews-1 \\',
    '    --service-account reviews --port http=8080 --label app=reviews',
    '  selvedge sidecar --config mesh.yaml --ca-dir ca --workload bookshop/storefront',
    '',
  ].join('\n')
}

function readFlags(args: readonly string[], problems: string[]): ReadonlyMap<string, readonly string[]> {
  const options = Object.fromEntries(
    SIDECAR_FLAGS.map(
      ({ name, value }) => [name, { type: value === '' ? 'boolean' : 'string', multiple: true }] as const,
    ),
  )
  const given = new Map<string, string[]>()
  const { tokens } = parseArgs({ args: [...args], options, strict: false, tokens: true })
  for (const token of tokens) {
    if (token.kind === 'positional') problems.push(`Cannot use "${token.value}": this command takes flags alone.`)
    if (token.kind !== 'option') continue
    const known = SIDECAR_FLAGS.find(({ name }) => name === token.name)
    if (known === undefined) {
      problems.push(`Cannot use ${token.rawName}: there is no such flag. See "selvedge sidecar --help".`)
    } else if (token.value === undefined && known.value !== '') {
      problems.push(`Cannot use ${token.rawName}: its value is missing.`)
    } else given.set(token.name, [...(given.get(token.name) ?? []), token.value ?? 'on'])
  }
  return given
}

function readSource(
  values: Values,
  workloadName: string,
  readFile: (path: string) => Result<string, string>,
  problems: string[],
): SidecarSource | undefined {
  const one = (name: string): string => values(name).at(-1) ?? ''
  const file = one('config')
  const discovery = one('control-plane')
  if (file !== '' && discovery !== '') {
    problems.push('Cannot use --config together with --control-plane: policy comes from one of them.')
    return undefined
  }
  if (file !== '') {
    const caDir = one('ca-dir')
    if (caDir === '') problems.push('Cannot use --config without --ca-dir: make a CA with "selvedge cert init DIR".')
    return { kind: 'file', path: resolve(file), caDir: resolve(caDir) }
  }
  if (discovery === '') {
    problems.push('Cannot start a sidecar: give --control-plane HOST:PORT, or --config FILE for file mode.')
    return undefined
  }
  const joinToken = readToken(one('token'), one('token-file'), readFile, problems)
  const host = hostOf(discovery)
  if (host === undefined) problems.push(`Cannot use --control-plane: "${discovery}" is not HOST:PORT.`)
  const enrolment = one('enrolment') === '' ? `${host}:${ENROLMENT_PORT}` : one('enrolment')
  if (hostOf(enrolment) === undefined) problems.push(`Cannot use --enrolment: "${enrolment}" is not HOST:PORT.`)
  const serviceAccount = one('service-account') === '' ? workloadName : one('service-account')
  if (serviceAccount !== '' && !isDnsLabel(serviceAccount)) {
    problems.push(`Cannot use --service-account: "${serviceAccount}" is not a DNS label.`)
  }
  return { kind: 'control-plane', discovery, enrolment, joinToken, serviceAccount }
}

function readToken(
  token: string,
  path: string,
  readFile: (path: string) => Result<string, string>,
  problems: string[],
): string {
  if (token !== '') return token.trim()
  if (path === '') {
    problems.push('Cannot join the mesh: give --token or --token-file, from "selvedge token create".')
    return ''
  }
  const text = readFile(path)
  if (text.ok) return text.value.trim()
  problems.push(`Cannot read --token-file: ${text.error}.`)
  return ''
}

function hostOf(address: string): string | undefined {
  const match = /^(\[[0-9a-fA-F:.]+\]|[^:[\]]+):([0-9]{1,5})$/.exec(address)
  return match === null || Number(match[2]) > 65_535 ? undefined : match[1]
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
    const protocol = PROTOCOLS.find(known => known === (match?.[3] ?? 'http'))
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

function parseListenPort(text: string): Result<number, string> {
  const port = /^[0-9]{1,5}$/.test(text) ? Number(text) : Number.NaN
  return port <= 65_535 ? ok(port) : err(`"${text}" is not a port: use a whole number from 0 to 65535`)
}

function parseHost(text: string): Result<string, string> {
  return isIP(text) !== 0 ? ok(text) : err(`"${text}" is not an IP address`)
}

function parseBounded(text: string, minMs: number, maxMs: number): Result<number, string> {
  const parsed = parseDurationMs(text)
  if (!parsed.ok || (parsed.value >= minMs && parsed.value <= maxMs)) return parsed
  return err(`${text} is out of bounds: use at least ${minMs} ms and at most ${maxMs} ms`)
}

function parseSwitch(text: string): Result<boolean, string> {
  if (['on', 'true', '1'].includes(text)) return ok(true)
  return ['off', 'false', '0'].includes(text) ? ok(false) : err(`"${text}" is neither on nor off`)
}

function parseLogLevel(text: string): Result<LogLevel, string> {
  const level = LOG_LEVELS.find(known => known === text)
  return level === undefined ? err(`"${text}" is not a level: use one of ${LOG_LEVELS.join(', ')}`) : ok(level)
}
