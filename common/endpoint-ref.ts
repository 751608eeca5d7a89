import type { Brand } from './brand.ts'
import { err, ok, type Result } from './result.ts'

/** `namespace/name` of a Service, both DNS labels (RFC 1123): the key of everything that is kept for a destination. */
export type ServiceKey = Brand<string, 'ServiceKey'>
/** `namespace/name` of a Workload, which is one instance of a service. */
export type WorkloadKey = Brand<string, 'WorkloadKey'>
/** `address:port/app-port`, stable across snapshots: the key of pools, latency averages and ejections. */
export type EndpointKey = Brand<string, 'EndpointKey'>
/** 1 to 65535. */
export type Port = Brand<number, 'Port'>

/** RFC 1123: a label has at most 63 bytes. */
const DNS_LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/

export function isDnsLabel(text: string): boolean {
  return DNS_LABEL.test(text)
}

export function parsePort(value: number): Result<Port, string> {
  if (!Number.isInteger(value) || value < 1 || value > 65_535)
    return err(`${value} is not a port: use a whole number from 1 to 65535`)
  return ok(value as Port)
}

export function serviceKey(namespace: string, name: string): ServiceKey {
  return `${namespace}/${name}` as ServiceKey
}

export function workloadKey(namespace: string, name: string): WorkloadKey {
  return `${namespace}/${name}` as WorkloadKey
}

export function endpointKey(address: string, port: number, appPort: number): EndpointKey {
  return `${address}:${port}/${appPort}` as EndpointKey
}

/** Parses `namespace/name`. */
export function parseServiceKey(text: string): Result<ServiceKey, string> {
  const slash = text.indexOf('/')
  const namespace = text.slice(0, slash)
  const name = text.slice(slash + 1)
  if (slash === -1 || !isDnsLabel(namespace) || !isDnsLabel(name)) {
    return err(`"${text}" is not a service: write namespace/name, as in bookshop/reviews`)
  }
  return ok(text as ServiceKey)
}

/** The longest name of a Service, as `serviceOfHost` reads it from everywhere. */
export function hostOfService(service: ServiceKey): string {
  const slash = service.indexOf('/')
  return `${service.slice(slash + 1)}.${service.slice(0, slash)}.svc.cluster.local`
}

/** The TLS server name that tells the far sidecar which application port is meant: `p8080.<service>.<namespace>`. */
export function sniOf(service: ServiceKey, appPort: number): string {
  const slash = service.indexOf('/')
  return `p${appPort}.${service.slice(slash + 1)}.${service.slice(0, slash)}`
}

/** The application port in a TLS server name; `undefined` when the name does not carry one. */
export function appPortOfSni(serverName: string): Port | undefined {
  const match = /^p([0-9]{1,5})\./.exec(serverName)
  if (match === null) return undefined
  const port = parsePort(Number(match[1]))
  return port.ok ? port.value : undefined
}

/**
 * The Service that a host names, seen from `namespace`: `reviews`, `reviews.bookshop`, `reviews.bookshop.svc` and
 * `reviews.bookshop.svc.cluster.local` are one. Case and a trailing dot don't matter. `undefined`: not the form of a Service's name.
 */
export function serviceOfHost(host: string, namespace: string): ServiceKey | undefined {
  let name = host.toLowerCase()
  if (name.endsWith('.')) name = name.slice(0, -1)
  const labels = name.split('.')
  const [service, inNamespace = namespace, ...suffix] = labels
  if (service === undefined || !isDnsLabel(service) || !isDnsLabel(inNamespace)) return undefined
  const tail = suffix.join('.')
  if (suffix.length > 0 && tail !== 'svc' && tail !== 'svc.cluster.local') return undefined
  return serviceKey(inNamespace, service)
}
