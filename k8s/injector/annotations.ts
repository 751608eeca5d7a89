import { isIP } from 'node:net'
import { err, nearestName, ok, parseDurationMs, type Result } from '../../common/mod.ts'
import type { JsonObject } from './json.ts'
import { parseHostPort, parseImage } from './settings.ts'

/** Whose annotations and labels are ours. */
export const PREFIX = 'selvedge.dev/'
/** The version that injected, as an annotation of the pod. */
export const INJECTED = `${PREFIX}injected`
/** What was injected, in short: pods with the same hash got the same. */
export const INJECTED_HASH = `${PREFIX}injected-hash`
/** On a pod, as a label or an annotation: `false` keeps us out. On a namespace, as a label: `enabled` lets the webhook in. */
export const INJECT = `${PREFIX}inject`

/** What a pod says of its own injection. Lists are empty where nothing was said. */
export interface Wishes {
  readonly intercept: 'redirect' | 'none'
  readonly image: string | undefined
  readonly uid: number
  readonly controlPlane: string | undefined
  readonly joinTokenSecret: string | undefined
  /** `[NAME=]PORT[/PROTOCOL]`; `undefined`: the container ports that are declared. */
  readonly ports: readonly string[] | undefined
  readonly zone: string | undefined
  readonly rewriteProbes: boolean
  readonly includeInboundPorts: readonly string[]
  readonly excludeInboundPorts: readonly string[]
  readonly includeOutboundPorts: readonly string[]
  readonly excludeOutboundPorts: readonly string[]
  readonly includeOutboundCidrs: readonly string[]
  readonly excludeOutboundCidrs: readonly string[]
  readonly cpuRequest: string
  readonly cpuLimit: string | undefined
  readonly memoryRequest: string
  readonly memoryLimit: string
  readonly logLevel: string | undefined
  readonly accessLog: boolean
  readonly drainTimeout: string | undefined
}

/** The sidecar's user, as "selvedge intercept install" takes it for granted: nobody's in Debian and distroless images. */
const SIDECAR_UID = 1_337
const UID_MAX = 2 ** 31 - 1
/** A rule is made of each. */
const ITEMS_MAX = 64

interface Annotation<T> {
  readonly name: string
  readonly value: string
  /** What holds without it, in words. */
  readonly fallback: string
  readonly help: string
  parse(text: string): Result<T, string>
}

type Table = { readonly [Field in keyof Wishes]: Annotation<NonNullable<Wishes[Field]>> }

/** All annotations of a pod that change its injection, in the order in which the docs tell them. */
const TABLE: Table = {
  intercept: annotation(
    'intercept',
    'redirect, none',
    'redirect',
    'none: no rules and no init container. Containers get `http_proxy` instead, and the pod needs no privilege',
    text => (text === 'redirect' || text === 'none' ? ok(text) : err('it must be redirect or none')),
  ),
  image: annotation('image', 'IMAGE', 'of the mesh', 'the image of sidecar and rules', parseImage),
  uid: annotation(
    'uid',
    'NUMBER',
    String(SIDECAR_UID),
    "the sidecar's user, whose traffic is not redirected; no container may have it",
    parseUid,
  ),
  controlPlane: annotation('control-plane', 'HOST:PORT', 'of the mesh', "the control plane's mTLS port", parseHostPort),
  joinTokenSecret: annotation(
    'join-token-secret',
    'NAME',
    '`selvedge-join-` and the service account',
    'the Secret that holds the join token at the key `token`',
    parseSecretName,
  ),
  ports: annotation(
    'ports',
    '[NAME=]PORT[/PROTOCOL],...',
    'the TCP `containerPort`s',
    'what the application listens on; empty for a pure client. The workload is offered when all of them answer',
    text => parseItems(text, parseApplicationPort),
  ),
  zone: annotation('zone', 'NAME', 'none', 'the zone of the workload', parseZone),
  rewriteProbes: annotation(
    'rewrite-probes',
    'true, false',
    'true',
    'whether the sidecar asks the application what the kubelet would ask it over the network',
    parseBoolean,
  ),
  includeInboundPorts: ports('include-inbound-ports', 'all', 'the only ports whose callers come through the sidecar'),
  excludeInboundPorts: ports('exclude-inbound-ports', 'none', 'ports whose callers reach the application directly'),
  includeOutboundPorts: ports('include-outbound-ports', 'all', 'the only ports that are called through the sidecar'),
  excludeOutboundPorts: ports('exclude-outbound-ports', 'none', 'ports that are called directly'),
  includeOutboundCidrs: ranges('include-outbound-cidrs', 'all', 'the only addresses called through the sidecar'),
  excludeOutboundCidrs: ranges('exclude-outbound-cidrs', 'none', 'addresses that are called directly'),
  cpuRequest: annotation('cpu-request', 'QUANTITY', '100m', 'processor time that is set aside', parseQuantity),
  cpuLimit: annotation('cpu-limit', 'QUANTITY', 'none', 'processor time at most', parseQuantity),
  memoryRequest: annotation('memory-request', 'QUANTITY', '128Mi', 'memory that is set aside', parseQuantity),
  memoryLimit: annotation('memory-limit', 'QUANTITY', '512Mi', 'memory at most', parseQuantity),
  logLevel: annotation('log-level', 'LEVEL', 'info', 'how much the sidecar logs', parseLevel),
  accessLog: annotation('access-log', 'true, false', 'false', 'one line for each exchange', parseBoolean),
  drainTimeout: annotation(
    'drain-timeout',
    'DURATION',
    'the grace period less 5s, at most 30s',
    'how long exchanges may take to end',
    text => {
      const parsed = parseDurationMs(text)
      return parsed.ok ? ok(text) : parsed
    },
  ),
}

const DEFAULTS: Wishes = {
  intercept: 'redirect',
  image: undefined,
  uid: SIDECAR_UID,
  controlPlane: undefined,
  joinTokenSecret: undefined,
  ports: undefined,
  zone: undefined,
  rewriteProbes: true,
  includeInboundPorts: [],
  excludeInboundPorts: [],
  includeOutboundPorts: [],
  excludeOutboundPorts: [],
  includeOutboundCidrs: [],
  excludeOutboundCidrs: [],
  cpuRequest: '100m',
  cpuLimit: undefined,
  memoryRequest: '128Mi',
  memoryLimit: '512Mi',
  logLevel: undefined,
  accessLog: false,
  drainTimeout: undefined,
}

/** For the docs, whose table a test holds against this one. */
export function annotationsTable(): readonly (Omit<Annotation<unknown>, 'parse'> & { readonly name: string })[] {
  return Object.values(TABLE).map(({ name, value, fallback, help }) => ({ name, value, fallback, help }))
}

/** Reads a pod's annotations; the error names the first that is wrong, or unknown: a slip must not be silence. */
export function readWishes(annotations: JsonObject): Result<Wishes, string> {
  const wishes: Record<string, unknown> = { ...DEFAULTS }
  for (const [name, value] of Object.entries(annotations)) {
    if (!name.startsWith(PREFIX) || OTHERS.has(name)) continue
    const field = fieldOf(name)
    if (field === undefined) {
      const near = nearestName(name, [...Object.values(TABLE).map(known => known.name), INJECT])
      return err(`the annotation ${name} is unknown${near === undefined ? '' : `; did you mean ${near}?`}`)
    }
    if (typeof value !== 'string') return err(`the annotation ${name} is not text: put it in quotes`)
    const parsed = TABLE[field].parse(value)
    if (!parsed.ok) return err(`the annotation ${name}: ${parsed.error}`)
    wishes[field] = parsed.value
  }
  // Each field has been parsed by its own row of the table.
  return ok(wishes as unknown as Wishes)
}

/** Annotations of ours that wish for nothing. */
const OTHERS = new Set([INJECT, INJECTED, INJECTED_HASH])

function fieldOf(name: string): keyof Wishes | undefined {
  return (Object.keys(TABLE) as (keyof Wishes)[]).find(field => TABLE[field].name === name)
}

function annotation<T>(
  name: string,
  value: string,
  fallback: string,
  help: string,
  parse: (text: string) => Result<T, string>,
): Annotation<T> {
  return { name: `${PREFIX}${name}`, value, fallback, help, parse }
}

function ports(name: string, fallback: string, help: string): Annotation<readonly string[]> {
  return annotation(name, 'PORT[-PORT],...', fallback, help, text => parseItems(text, parsePorts))
}

function ranges(name: string, fallback: string, help: string): Annotation<readonly string[]> {
  return annotation(name, 'CIDR,...', fallback, help, text => parseItems(text, parseRange))
}

function parseItems(text: string, parse: (item: string) => Result<string, string>): Result<readonly string[], string> {
  const items = text
    .split(',')
    .map(item => item.trim())
    .filter(item => item !== '')
  if (items.length > ITEMS_MAX) return err(`it has ${items.length} items, and may have ${ITEMS_MAX}`)
  for (const item of items) {
    const parsed = parse(item)
    if (!parsed.ok) return parsed
  }
  return ok(items)
}

function parsePort(text: string): Result<string, string> {
  return /^[1-9][0-9]{0,4}$/.test(text) && Number(text) <= 65_535 ? ok(text) : err(`"${text}" is not a port`)
}

/** One port, or the first and the last of several. */
function parsePorts(text: string): Result<string, string> {
  const [first = '', last = first, ...more] = text.split('-')
  const right = parsePort(first).ok && parsePort(last).ok && Number(first) <= Number(last) && more.length === 0
  return right ? ok(text) : err(`"${text}" is no port and no range of ports, as 8000-8100`)
}

function parseApplicationPort(text: string): Result<string, string> {
  const match = /^(?:[a-z0-9-]{1,63}=)?([0-9]{1,5})(?:\/(?:http|http2|grpc|tcp|detect))?$/.exec(text)
  return parsePort(match?.[1] ?? '').ok
    ? ok(text)
    : err(`"${text}" is not [NAME=]PORT[/PROTOCOL], as in http=8080/http`)
}

function parseRange(text: string): Result<string, string> {
  const [address = '', prefix, ...more] = text.split('/')
  const bits = { 0: 0, 4: 32, 6: 128 }[isIP(address)] ?? 0
  const length = prefix === undefined ? bits : /^[0-9]{1,3}$/.test(prefix) ? Number(prefix) : Number.NaN
  if (bits > 0 && length <= bits && more.length === 0 && !address.includes('%')) return ok(text)
  return err(`"${text}" is not a range of addresses, as 10.0.0.0/8 or fd00::/8`)
}

/** Kubernetes' quantities, of which it takes more spellings than these: those that people write. */
function parseQuantity(text: string): Result<string, string> {
  return /^[0-9]{1,12}(\.[0-9]{1,3})?(m|k|M|G|Ki|Mi|Gi)?$/.test(text)
    ? ok(text)
    : err(`"${text}" is not a quantity, as 100m, 0.5 or 128Mi`)
}

function parseUid(text: string): Result<number, string> {
  const uid = /^[1-9][0-9]{0,9}$/.test(text) ? Number(text) : Number.NaN
  return uid <= UID_MAX ? ok(uid) : err(`"${text}" is not a user's number from 1 to ${UID_MAX}`)
}

function parseBoolean(text: string): Result<boolean, string> {
  return text === 'true' || text === 'false' ? ok(text === 'true') : err(`"${text}" is neither true nor false`)
}

function parseSecretName(text: string): Result<string, string> {
  return text.length <= 253 && /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/.test(text)
    ? ok(text)
    : err(`"${text}" is not the name of a Secret`)
}

function parseZone(text: string): Result<string, string> {
  return /^[\w.-]{1,63}$/.test(text) ? ok(text) : err(`"${text}" is not the name of a zone`)
}

function parseLevel(text: string): Result<string, string> {
  const levels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']
  return levels.includes(text) ? ok(text) : err(`"${text}" is not one of ${levels.join(', ')}`)
}
