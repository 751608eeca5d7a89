import { resolve } from 'node:path'
import {
  err,
  formatDurationMs,
  isDnsLabel,
  ok,
  parseTrustDomain,
  type Result,
  type TrustDomain,
} from '../common/mod.ts'
import {
  GivenSettings,
  LOG_LEVELS,
  type LogLevel,
  parseAddress,
  parseDurationWithin,
  parseListenPort,
  parseLogLevel,
  type Setting,
  setting,
  settingsHelp,
} from '../common/settings/mod.ts'
import { LEASE_GRACE_MS, RESTART_GRACE_MS } from './registry/mod.ts'

/** Everything that a control plane is told. Read once, at the edge. */
export interface ControlPlaneConfig {
  /** Absolute. */
  readonly dataDir: string
  readonly trustDomain: TrustDomain
  /** An IP address or `localhost`: where all four ports listen. */
  readonly host: string
  /** `auto`: off loopback. kubectl sends its token over TLS alone. */
  readonly restTls: 'auto' | 'always'
  /** 0 asks for a free one. */
  readonly ports: {
    readonly rest: number
    readonly enrolment: number
    readonly discovery: number
    readonly metrics: number
    /** `undefined`: closed. */
    readonly webhook: number | undefined
  }
  /** DNS names by which this control plane is reached: in its certificate. */
  readonly names: readonly string[]
  /** A folder with a CA to begin with, where the data folder has none. */
  readonly caFrom: string | undefined
  /** For what is plugged in at the webhook's port; as written, empty where nothing was said. */
  readonly injection: {
    readonly image: string
    readonly imagePullPolicy: string
    readonly controlPlane: string
    readonly enrolment: string
  }
  readonly leafLifeMs: number
  readonly leaseGraceMs: number
  readonly restartGraceMs: number
  /** The pin of a root that shall take the place of the one that the store remembers. */
  readonly acceptCa: string | undefined
  readonly logLevel: LogLevel
}

/** All flags, in the order in which the help tells them. */
export const CONTROL_PLANE_FLAGS: readonly Setting[] = [
  setting('data-dir', 'DIR', '.selvedge', 'where the store, the CA and the admin token are kept'),
  setting('trust-domain', 'NAME', 'cluster.local', 'the trust domain of the SPIFFE IDs; fixed once the CA is made'),
  setting('host', 'ADDRESS', '127.0.0.1', 'the IP address to listen on; off loopback the REST API speaks TLS'),
  setting('rest-port', 'PORT', '15080', 'REST API (0: a free port, as for all ports)'),
  setting('rest-tls', 'WHEN', 'auto', 'when the REST API speaks TLS: auto (off loopback) or always'),
  setting('enrolment-port', 'PORT', '15010', 'enrolment of sidecars, server TLS'),
  setting('discovery-port', 'PORT', '15012', 'discovery, telemetry and renewal, mTLS'),
  setting('metrics-port', 'PORT', '15014', 'Prometheus metrics'),
  setting('webhook-port', 'PORT', '', 'the admission webhook of Kubernetes, TLS; closed unless given (usually 15017)'),
  setting('dns-name', 'NAME', '', 'a name by which clients reach the control plane, for its certificate', true),
  setting('ca-from', 'DIR', '', 'a folder with ca.crt and ca.key to begin with, where the data folder has no CA'),
  setting('inject-image', 'IMAGE', '', 'webhook: the image of injected sidecars'),
  setting('inject-image-pull-policy', 'POLICY', '', 'webhook: IfNotPresent, Always or Never'),
  setting('inject-control-plane', 'HOST:PORT', '', 'webhook: the mTLS port as injected sidecars reach it'),
  setting('inject-enrolment', 'HOST:PORT', '', 'webhook: the enrolment port as injected sidecars reach it'),
  setting('leaf-life', 'DURATION', '24h', "how long a sidecar's certificate lives; it is renewed at half of that"),
  setting(
    'lease-grace',
    'DURATION',
    formatDurationMs(LEASE_GRACE_MS),
    'how long a sidecar may be away before its workload is withdrawn',
  ),
  setting(
    'restart-grace',
    'DURATION',
    formatDurationMs(RESTART_GRACE_MS),
    'the same after a restart of the control plane itself',
  ),
  setting(
    'accept-ca',
    'SHA256',
    '',
    "once, after the CA was replaced on purpose: the new root's pin, as the refusal names it",
  ),
  setting('log-level', 'LEVEL', 'info', `how much to log: ${LOG_LEVELS.join(', ')}`),
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
  const given = new GivenSettings('control-plane', CONTROL_PLANE_FLAGS, args, env)
  const config = {
    dataDir: given.read('data-dir', text => (text.includes('\0') ? err('it is no path') : ok(resolve(text)))),
    trustDomain: given.read('trust-domain', parseTrustDomain),
    host: given.read('host', parseAddress),
    restTls: given.read('rest-tls', text =>
      text === 'auto' || text === 'always' ? ok(text) : err('it must be auto or always'),
    ),
    ports: {
      rest: given.read('rest-port', parseListenPort),
      enrolment: given.read('enrolment-port', parseListenPort),
      discovery: given.read('discovery-port', parseListenPort),
      metrics: given.read('metrics-port', parseListenPort),
      webhook: given.read('webhook-port', parseListenPort),
    },
    names: readNames(given.all('dns-name'), given.problems),
    caFrom: given.text('ca-from') === '' ? undefined : resolve(given.text('ca-from')),
    injection: {
      image: given.text('inject-image'),
      imagePullPolicy: given.text('inject-image-pull-policy'),
      controlPlane: given.text('inject-control-plane'),
      enrolment: given.text('inject-enrolment'),
    },
    leafLifeMs: given.read('leaf-life', text => parseDurationWithin(text, LEAF_LIFE_MS_MIN, LEAF_LIFE_MS_MAX)),
    leaseGraceMs: given.read('lease-grace', text => parseDurationWithin(text, 0, GRACE_MS_MAX)),
    restartGraceMs: given.read('restart-grace', text => parseDurationWithin(text, 0, GRACE_MS_MAX)),
    acceptCa: given.read('accept-ca', text =>
      /^[0-9a-f]{64}$/.test(text) ? ok(text) : err('it must be 64 hexadecimal digits'),
    ),
    logLevel: given.read('log-level', parseLogLevel),
  }
  const { problems } = given
  samePorts(config.ports, problems)
  // Without a problem nothing is undefined: each problem stands for one field.
  return problems.length > 0 ? err(problems) : ok(config as ControlPlaneConfig)
}

/** Whether an address that we listen on can be reached from this machine alone. */
function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\./.test(host)
}

/** Whether the REST API speaks TLS: whoever could see its traffic would have the token. */
export function restSpeaksTls({ host, restTls }: ControlPlaneConfig): boolean {
  return restTls === 'always' || !isLoopback(host)
}

/** What `selvedge control-plane --help` prints. */
export function controlPlaneHelp(): string {
  return [
    'Usage: selvedge control-plane [flags]',
    '',
    'Runs the control plane alone: store, certificate authority, discovery, telemetry and REST API.',
    '',
    ...settingsHelp(CONTROL_PLANE_FLAGS),
    '',
    'Examples:',
    '  selvedge control-plane --data-dir /var/lib/selvedge',
    '  selvedge control-plane --rest-port 0 --log-level warn',
    '',
  ].join('\n')
}

/** As many as one server has names for, and to spare. */
const NAMES_MAX = 16

function readNames(names: readonly string[], problems: string[]): readonly string[] {
  for (const name of names) {
    if (name.length > 253 || !name.split('.').every(isDnsLabel))
      problems.push(`Cannot use --dns-name: "${name}" is no DNS name.`)
  }
  if (names.length > NAMES_MAX) problems.push(`Cannot use --dns-name: at most ${NAMES_MAX} names.`)
  return names
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
