import { err, ok, type Result } from '../../common/mod.ts'

/** One thing to ask the application. */
export type ProbeTarget = { readonly port: number; readonly timeoutMs: number } & (
  | {
      readonly kind: 'http'
      readonly path: string
      readonly tls: boolean
      readonly headers: readonly (readonly [name: string, value: string])[]
    }
  | { readonly kind: 'tcp' }
  | { readonly kind: 'grpc'; readonly service: string }
)

/** By the path at which the sidecar is asked for it. */
export type ApplicationProbes = ReadonlyMap<string, ProbeTarget>

/** Three probes and two hooks for each of a dozen containers, and to spare. */
const PROBES_MAX = 128
const HEADERS_MAX = 64
const TIMEOUT_SECONDS_MAX = 3_600
const PREFIX = '/application/'

/** Reads the table that injection wrote: JSON, the kubelet's own words by path. Empty text: nothing to ask. */
export function parseApplicationProbes(text: string): Result<ApplicationProbes, string> {
  if (text === '') return ok(new Map())
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return err('it is not JSON')
  }
  if (!isObject(value)) return err('it is not an object of paths')
  const probes = new Map<string, ProbeTarget>()
  for (const [path, probe] of Object.entries(value)) {
    const target = path.startsWith(PREFIX) && isObject(probe) ? targetOf(probe) : undefined
    if (target === undefined) return err(`${path.slice(0, 100)} is not the probe of an application`)
    probes.set(path, target)
  }
  return probes.size > PROBES_MAX ? err(`it has ${probes.size} probes, and may have ${PROBES_MAX}`) : ok(probes)
}

type Fields = Readonly<Record<string, unknown>>

function targetOf({ httpGet, tcpSocket, grpc, timeoutSeconds = 1 }: Fields): ProbeTarget | undefined {
  if (typeof timeoutSeconds !== 'number' || timeoutSeconds < 1 || timeoutSeconds > TIMEOUT_SECONDS_MAX) return undefined
  const place = (of: Fields) => ({ port: portOf(of.port), timeoutMs: timeoutSeconds * 1_000 })
  if (isObject(httpGet)) {
    const { path = '/', scheme = 'HTTP', httpHeaders = [] } = httpGet
    const headers = headersOf(httpHeaders)
    if (typeof path !== 'string' || headers === undefined || (scheme !== 'HTTP' && scheme !== 'HTTPS')) return undefined
    return whole({ kind: 'http', ...place(httpGet), path, tls: scheme === 'HTTPS', headers })
  }
  if (isObject(tcpSocket)) return whole({ kind: 'tcp', ...place(tcpSocket) })
  if (!isObject(grpc)) return undefined
  const { service = '' } = grpc
  return typeof service === 'string' ? whole({ kind: 'grpc', ...place(grpc), service }) : undefined
}

function whole(target: ProbeTarget): ProbeTarget | undefined {
  return Number.isInteger(target.port) && target.port >= 1 && target.port <= 65_535 ? target : undefined
}

function portOf(port: unknown): number {
  return typeof port === 'number' ? port : Number.NaN
}

function headersOf(headers: unknown): readonly (readonly [string, string])[] | undefined {
  if (!Array.isArray(headers) || headers.length > HEADERS_MAX) return undefined
  const pairs: [string, string][] = []
  for (const header of headers as unknown[]) {
    if (!isObject(header) || typeof header.name !== 'string' || typeof header.value !== 'string') return undefined
    pairs.push([header.name, header.value])
  }
  return pairs
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
