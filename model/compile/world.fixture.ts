import { parseTrustDomain, type ServiceKey, type TrustDomain, type WorkloadKey } from '../../common/mod.ts'
import { formatProblem, parseResources } from '../resources/mod.ts'
import { type World, worldOf } from './mod.ts'

export const TRUST_DOMAIN: TrustDomain = trustDomain('mesh.test')
export const service = (key: string): ServiceKey => key as ServiceKey
export const workload = (key: string): WorkloadKey => key as WorkloadKey

/** The World of documents in YAML, each of which must be right. */
export function worldFrom(...documents: readonly string[]): World {
  const parsed = parseResources(documents.join('\n---\n'))
  if (!parsed.ok) throw new Error(parsed.error.map(formatProblem).join('\n'))
  return worldOf(parsed.value)
}

export function aService(key: string, spec = 'ports: [{port: 80}]'): string {
  const [namespace, name] = key.split('/')
  return `{apiVersion: v1, kind: Service, metadata: {namespace: ${namespace}, name: ${name}}, spec: {${spec}}}`
}

/** In the mesh, with one port, unless `spec` says otherwise. */
export function aWorkload(key: string, labels: string, spec = 'ports: [{port: 8080}], inboundPort: 15006'): string {
  const [namespace, name] = key.split('/')
  return `{apiVersion: selvedge.dev/v1, kind: Workload, metadata: {namespace: ${namespace}, name: ${name}, labels: {${labels}}}, spec: {address: 10.0.0.1, ${spec}}}`
}

/** A route to `reviews` of its own namespace, unless `parent` says otherwise. */
export function aRoute(key: string, rules: string, { parent = '', created = '' } = {}): string {
  const [namespace, name] = key.split('/')
  const age = created === '' ? '' : `, creationTimestamp: "${created}"`
  return `{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {namespace: ${namespace}, name: ${name}${age}},
    spec: {parentRefs: [{group: "", kind: Service, name: reviews${parent}}], rules: [${rules}]}}`
}

/** `kind` is TrafficPolicy or MeshPolicy. */
export function aPolicy(kind: string, key: string, spec: string, created = ''): string {
  const [namespace, name] = key.split('/')
  const age = created === '' ? '' : `, creationTimestamp: "${created}"`
  return `{apiVersion: selvedge.dev/v1, kind: ${kind}, metadata: {namespace: ${namespace}, name: ${name}${age}}, spec: {${spec}}}`
}

function trustDomain(text: string): TrustDomain {
  const parsed = parseTrustDomain(text)
  if (!parsed.ok) throw new Error(parsed.error)
  return parsed.value
}
