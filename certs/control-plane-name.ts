import { type SpiffeId, type TrustDomain, workloadSpiffeId } from '../common/mod.ts'

/** Where the control plane stands in the mesh's names. Nobody else is ever given this identity. */
export const CONTROL_PLANE = { namespace: 'selvedge-system', serviceAccount: 'control-plane' } as const
/** The name in TLS handshakes with the control plane, whatever address it has. */
export const CONTROL_PLANE_DNS_NAME = `${CONTROL_PLANE.serviceAccount}.${CONTROL_PLANE.namespace}`

export function controlPlaneSpiffeId(trustDomain: TrustDomain): SpiffeId {
  return workloadSpiffeId(trustDomain, CONTROL_PLANE.namespace, CONTROL_PLANE.serviceAccount)
}

/** The DNS names beside a SPIFFE ID, so that clients which check a host name are content. */
export function dnsNamesOf(namespace: string, serviceAccount: string): readonly string[] {
  return [`${serviceAccount}.${namespace}`, `${serviceAccount}.${namespace}.svc.cluster.local`]
}
