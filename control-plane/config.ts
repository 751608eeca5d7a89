import { isIP } from 'node:net'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import {
  err,
  formatDurationMs,
  ok,
  parseDurationMs,
  parseTrustDomain,
  type Result,
  type TrustDomain,
} from '../common/mod.ts'
import { LEASE_GRACE_MS, RESTART_GRACE_MS } from './registry/mod.ts'

/** Everything that a control plane is told. Read once, at the edge. */
export interface ControlPlaneConfig {
  /** Absolute. */
  readonly dataDir: string
  readonly trustDomain: TrustDomain
  /** An IP address or `localhost`: where all four ports listen. */
  readonly host: string
  /** 0 asks for a free one. */
  readonly ports: {
    readonly rest: number
    readonly enrolment: number
    readonly discovery: number
    readonly metrics: number
  }
  readonly leafLifeMs: number
  readonly leaseGraceMs: number
  readonly restartGraceMs: number
  readonly logLevel: LogLevel
}

export type LogLevel = (typeof LOG_LEVELS)[number]

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const

/** One flag, which is an environment variable too; where both are given, the flag counts. */
export interface ControlPlaneFlag {
  /** Without its dashes. */
  readonly name: string
  /** `SELVEDGE_DATA_DIR` */
  readonly variable: string
  /** What its value is called in the help. */
  readonly value: string
  readonly fallback: string
  readonly help: string
}

function flag(name: string, value: string, fallback: string, help: string): ControlPlaneFlag {
  return { name, variable: `SELVEDGE_${name.toUpperCase().replaceAll('-', '_')}`, value, fallback, help }
}

/** All flags, in the order in which the help tells them. */
export const CONTROL_PLANE_FLAGS: readonly ControlPlaneFlag[] = [
  flag('data-dir', 'DIR', '.selvedge', 'where the store, the CA and the admin token are kept'),
  flag('trust-domain', 'NAME', 'cluster.local', 'the trust domain of the SPIFFE IDs; fixed once the CA is made'),
  flag('host', 'ADDRESS', '127.0.0.1', 'the IP address to listen on; off loopback the REST API speaks TLS'),
  flag('rest-port', 'PORT', '15080', 'REST API (0: a free port, as for all ports)'),
  flag('enrolment-port', 'PORT', '15010', 'enrolment of sidecars, server TLS'),
  flag('discovery-port', 'PORT', '15012', 'discovery, telemetry and renewal, mTLS'),
  flag('metrics-port', 'PORT', '15014', 'Prometheus metrics'),
  flag('leaf-life', 'DURATION', '24h', "how long a sidecar's certificate lives; it is renewed at half of that"),
  flag(
    'lease-grace',
    'DURATION',
    formatDurationMs(LEASE_GRACE_MS),
    'how long a sidecar may be away before its workload is withdrawn',
  ),
  flag(
    'restart-grace',
    'DURATION',
    formatDurationMs(RESTART_GRACE_MS),
    'the same after a restart of the control plane itself',
  ),
  flag('log-level', 'LEVEL', 'info', `how much to log: ${LOG_LEVELS.join(', ')}`),
]

const LEAF_LIFE_MS_MIN = 10_000
const LEAF_LIFE_MS_MAX = 365 * 86_400_000
const GRACE_MS_MAX = 3_600_000

/**
 * Reads flags (`--name value` or `--name=value`) and environment. The error holds every problem, one sentence each. Variables that
 * begin with `SELVEDGE_` and aren't ours belong to the other programs.
 */
export function readControlPlaneConfig(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>> = process.env,
): Result<ControlPlaneConfig, readonly string[]> {
  const problems: string[] = []
  const given = readFlags(args, problems)

  function read<T>(name: string, parse: (text: string) => Result<T, string>): T | undefined {
    const known = CONTROL_PLANE_FLAGS.find(candidate => candidate.name === name)
    if (known === undefined) throw new Error(`Assertion failed: --${name} is in the table`)
    const variable = env[known.variable]
    const fromFlag = given.get(name)
    const parsed = parse(fromFlag ?? (variable === undefined || variable === '' ? known.fallback : variable))
    if (parsed.ok) return parsed.value
    problems.push(`Cannot use ${fromFlag === undefined ? known.variable : `--${name}`}: ${parsed.error}.`)
    return undefined
  }

  const config = {
    dataDir: read('data-dir', text => (text.includes('\0') ? err('it is no path') : ok(resolve(text)))),
    trustDomain: read('trust-domain', parseTrustDomain),
    host: read('host', parseHost),
    ports: {
      rest: read('rest-port', parseListenPort),
      enrolment: read('enrolment-port', parseListenPort),
      discovery: read('discovery-port', parseListenPort),
      metrics: read('metrics-port', parseListenPort),
    },
    leafLifeMs: read('leaf-life', text => parseBounded(text, LEAF_LIFE_MS_MIN, LEAF_LIFE_MS_MAX)),
    leaseGraceMs: read('lease-grace', text => parseBounded(text, 0, GRACE_MS_MAX)),
    restartGraceMs: read('restart-grace', text => parseBounded(text, 0, GRACE_MS_MAX)),
    logLevel: read('log-level', parseLogLevel),
  }
  samePorts(config.ports, problems)
  // Without a problem nothing is undefined: each problem stands for one field.
  return problems.length > 0 ? err(problems) : ok(config as ControlPlaneConfig)
}

/** Whether an address that we listen on can be reached from this machine alone. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\./.test(host)
}

/** What `selvedge control-plane --help` prints. */
export function controlPlaneHelp(): string {
  const rows = CONTROL_PLANE_FLAGS.map(({ name, value, fallback, help, variable }) => ({
    left: `  --${name} ${value}`,
    right: `${help} (default: ${fallback}) [${variable}]`,
  }))
  const width = Math.max(...rows.map(({ left }) => left.length))
  return [
    'Usage: selvedge control-plane [flags]',
    '',
    'Runs the control plane alone: store, certificate authority, discovery, telemetry and REST API.',
    '',
    'Flags, each of which may be an environment variable instead:',
    ...rows.map(({ left, right }) => `${left.padEnd(width)}  ${right}`),
    `${'  -h, --help'.padEnd(width)}  show this help`,
    '',
    'Examples:',
    '  selvedge control-plane --data-dir /var/lib/selvedge',
    '  selvedge control-plane --rest-port 0 --log-level warn',
    '',
  ].join('\n')
}

function readFlags(args: readonly string[], problems: string[]): ReadonlyMap<string, string> {
  const options = Object.fromEntries(CONTROL_PLANE_FLAGS.map(({ name }) => [name, { type: 'string' }] as const))
  const given = new Map<string, string>()
  const { tokens } = parseArgs({ args: [...args], options, strict: false, tokens: true })
  for (const token of tokens) {
    if (token.kind === 'positional') problems.push(`Cannot use "${token.value}": this command takes flags alone.`)
    if (token.kind !== 'option') continue
    if (!Object.hasOwn(options, token.name)) {
      problems.push(`Cannot use ${token.rawName}: there is no such flag. See "selvedge control-plane --help".`)
    } else if (token.value === undefined) problems.push(`Cannot use ${token.rawName}: its value is missing.`)
    else given.set(token.name, token.value)
  }
  return given
}

function parseListenPort(text: string): Result<number, string> {
  const port = /^[0-9]{1,5}$/.test(text) ? Number(text) : Number.NaN
  return port <= 65_535 ? ok(port) : err(`"${text}" is not a port: use a whole number from 0 to 65535`)
}

function parseHost(text: string): Result<string, string> {
  return isIP(text) !== 0 || text === 'localhost' ? ok(text) : err(`"${text}" is not an IP address`)
}

function parseBounded(text: string, minMs: number, maxMs: number): Result<number, string> {
  const parsed = parseDurationMs(text)
  if (!parsed.ok || (parsed.value >= minMs && parsed.value <= maxMs)) return parsed
  return err(`${text} is out of bounds: use at least ${minMs} ms and at most ${maxMs} ms`)
}

function parseLogLevel(text: string): Result<LogLevel, string> {
  const level = LOG_LEVELS.find(known => known === text)
  return level === undefined ? err(`"${text}" is not a level: use one of ${LOG_LEVELS.join(', ')}`) : ok(level)
}

function samePorts(ports: Readonly<Record<string, number | undefined>>, problems: string[]): void {
  const seen = new Map<number, string>()
  for (const [name, port] of Object.entries(ports)) {
    if (port === undefined || port === 0) continue
    const other = seen.get(port)
    if (other !== undefined) problems.push(`Cannot use --${name}-port: ${port} is --${other}-port already.`)
    seen.set(port, name)
  }
}
