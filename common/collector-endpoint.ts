import { err, ok, type Result } from './result.ts'

/** Where spans go: an OpenTelemetry collector, as OTLP over HTTP or over gRPC. */
export interface CollectorEndpoint {
  /** As the policy has it, for people. */
  readonly text: string
  readonly protocol: 'http' | 'grpc'
  /** TLS, with the collector's name checked against the system's roots. */
  readonly tls: boolean
  /** A DNS name, an IPv4 address, or an IPv6 address without brackets. Lower case. */
  readonly host: string
  /** 1 to 65535. */
  readonly port: number
  /** What is posted to, over HTTP: ends with `/v1/traces`. Empty for gRPC. */
  readonly path: string
}

/** What the SDKs' `OTEL_EXPORTER_OTLP_ENDPOINT` is followed by (OTLP 1.x, "OTLP/HTTP Request"). */
const TRACES_PATH = '/v1/traces'
/** A DNS name has 253 bytes at most, and a path of more than this is a mistake. */
const TEXT_CHARACTERS_MAX = 1_024
const FORM = /^([a-z]+):\/\/(\[[0-9a-fA-F:.]{2,45}\]|[A-Za-z0-9._-]{1,253})(?::([0-9]{1,5}))?(\/[A-Za-z0-9._~%/-]*)?$/
const SCHEMES = {
  http: { protocol: 'http', tls: false, port: 4318 },
  https: { protocol: 'http', tls: true, port: 4318 },
  grpc: { protocol: 'grpc', tls: false, port: 4317 },
  grpcs: { protocol: 'grpc', tls: true, port: 4317 },
} as const

/**
 * Reads `http://host:4318`, `https://...`, `grpc://host:4317` or `grpcs://...`. The port has to be said, because HTTP's own would be a
 * silent mistake. The error reads after the name of a field: "must have a port".
 */
export function parseCollectorEndpoint(text: string): Result<CollectorEndpoint, string> {
  if (text.length > TEXT_CHARACTERS_MAX) return err(`must have at most ${TEXT_CHARACTERS_MAX} characters`)
  if (text.includes('@'))
    return err('must not hold a password: headers with secrets go to each sidecar by its environment')
  if (/[?#]/.test(text)) return err('must not have a query or a fragment')
  const [, scheme = '', written = '', digits, path = ''] = FORM.exec(text) ?? []
  if (!Object.hasOwn(SCHEMES, scheme)) {
    return err(
      'must be the URL of a collector: http://HOST:4318, https://HOST:4318, grpc://HOST:4317 or grpcs://HOST:4317',
    )
  }
  const { protocol, tls, port: usual } = SCHEMES[scheme as keyof typeof SCHEMES]
  if (digits === undefined)
    return err(`must have a port: OTLP's own is ${usual}, as in ${scheme}://${written}:${usual}`)
  const port = Number(digits)
  if (port < 1 || port > 65_535) return err(`must have a port from 1 to 65535, not ${digits}`)
  const host = hostOf(written)
  if (host === undefined) return err(`must name a host: "${written}" is neither a DNS name nor an address`)
  if (protocol === 'grpc' && path.length > 1) return err('must not have a path: gRPC has one of its own')
  return ok({ text, protocol, tls, host, port, path: protocol === 'grpc' ? '' : tracesPath(path) })
}

function hostOf(written: string): string | undefined {
  // Node's parser is the one that will connect: what it doesn't take as a host is none.
  if (!URL.canParse(`http://${written}`) || /(^|\.)-|-(\.|$)|\.\.|^\./.test(written)) return undefined
  const host = written.toLowerCase()
  return host.startsWith('[') ? host.slice(1, -1) : host
}

/** The SDKs take a base URL; whoever has written the whole path meant it. */
function tracesPath(path: string): string {
  const base = path.replace(/\/+$/, '')
  return base.endsWith(TRACES_PATH) ? base : `${base}${TRACES_PATH}`
}
