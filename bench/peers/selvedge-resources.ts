import { NAMESPACE, SERVICE_NAME } from '../plan.ts'

export type Protocol = 'http' | 'http2' | 'tcp'

export interface Application {
  readonly port: number
  readonly protocol: Protocol
  /** Where the sidecar beside it takes mutual TLS; without one it is not in the mesh, and plaintext is what callers speak to it. */
  readonly inboundPort?: number
}

/** The whole mesh of a measurement: a service, its one workload, a caller, and policies as a user would have them. */
export function resources({ port, protocol, inboundPort }: Application): string {
  const policies = protocol === 'tcp' ? TRAFFIC_POLICY : `${TRAFFIC_POLICY}---\n${ROUTES}`
  return `apiVersion: v1
kind: Service
metadata: { name: ${SERVICE_NAME}, namespace: ${NAMESPACE} }
spec:
  selector: { app: ${SERVICE_NAME} }
  ports: [{ name: main, port: 80, targetPort: ${port}, appProtocol: ${protocol} }]
---
apiVersion: selvedge.dev/v1
kind: Workload
metadata: { name: ${SERVICE_NAME}-1, namespace: ${NAMESPACE}, labels: { app: ${SERVICE_NAME} } }
spec:
  address: 127.0.0.1
  serviceAccount: ${SERVICE_NAME}
  ports: [{ port: ${port}, protocol: ${protocol} }]
${inboundPort === undefined ? '' : `  inboundPort: ${inboundPort}\n`}---
apiVersion: selvedge.dev/v1
kind: Workload
metadata: { name: caller-1, namespace: ${NAMESPACE}, labels: { app: caller } }
spec: { address: 127.0.0.1, serviceAccount: caller }
---
apiVersion: selvedge.dev/v1
kind: MeshPolicy
metadata: { name: default, namespace: selvedge-system }
spec: { mtls: strict, tracing: { sampling: 1 } }
---
${policies}`
}

const TRAFFIC_POLICY = `apiVersion: selvedge.dev/v1
kind: TrafficPolicy
metadata: { name: ${SERVICE_NAME}, namespace: ${NAMESPACE} }
spec:
  targetRef: { kind: Service, name: ${SERVICE_NAME} }
  circuitBreaker: { maxConnections: 1024, maxPendingRequests: 1024, maxRequests: 1024 }
  outlierDetection: { consecutiveErrors: 5, baseEjectionTime: 30s, maxEjectedPercent: 50 }
  retryBudget: { percent: 20, minRetriesPerSecond: 10, interval: 10s }
`

/** Every request is held against a rule that it doesn't match, and one that it does. */
const ROUTES = `apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: ${SERVICE_NAME}, namespace: ${NAMESPACE} }
spec:
  parentRefs: [{ group: "", kind: Service, name: ${SERVICE_NAME} }]
  rules:
    - matches: [{ path: { type: PathPrefix, value: /next }, headers: [{ name: x-next, value: "true" }] }]
      backendRefs: [{ name: ${SERVICE_NAME}, port: 80 }]
    - matches: [{ path: { type: PathPrefix, value: / } }]
      backendRefs: [{ name: ${SERVICE_NAME}, port: 80 }]
      timeouts: { request: 60s }
      retry: { attempts: 1, codes: [503] }
`
