/** Ports from `from` to `to`, both included. */
export interface PortRange {
  readonly from: number
  readonly to: number
}

export interface Cidr {
  readonly family: 4 | 6
  /** As nft and iptables write it: `10.0.0.0/8`, `fd00::/8`. */
  readonly text: string
}

/** What is redirected, and what is left alone. */
export interface RedirectOptions {
  /** Where the sidecar takes what leaves this machine. */
  readonly outboundPort: number
  /** Where the sidecar takes what comes to this machine. */
  readonly inboundPort: number
  /** Users and groups whose connections are left alone: the sidecar's own. One of the two lists is not empty. */
  readonly sidecarUids: readonly number[]
  readonly sidecarGids: readonly number[]
  /** Empty: all that are not excluded. What is excluded is so in any case. */
  readonly includeOutboundPorts: readonly PortRange[]
  readonly excludeOutboundPorts: readonly PortRange[]
  readonly includeInboundPorts: readonly PortRange[]
  readonly excludeInboundPorts: readonly PortRange[]
  /** Empty: all networks that are not excluded. */
  readonly includeOutboundCidrs: readonly Cidr[]
  readonly excludeOutboundCidrs: readonly Cidr[]
}

/** Istio's user and group of the sidecar, because operators know them. SSH stays open: who installs the rules may be coming in by it. */
export const REDIRECT_DEFAULTS: RedirectOptions = {
  outboundPort: 15_001,
  inboundPort: 15_006,
  sidecarUids: [1337],
  sidecarGids: [1337],
  includeOutboundPorts: [],
  excludeOutboundPorts: [],
  includeInboundPorts: [],
  excludeInboundPorts: [{ from: 22, to: 22 }],
  includeOutboundCidrs: [],
  excludeOutboundCidrs: [],
}

/**
 * Of the mesh itself (DESIGN section 3): admin, outbound, inbound, enrolment, discovery, control plane's metrics, webhook, the sidecar's metrics and health,
 * REST. Never redirected, in neither direction: a health check must not depend on what it checks.
 */
export const MESH_PORTS: readonly number[] = [15_000, 15_001, 15_006, 15_010, 15_012, 15_014, 15_017, 15_020, 15_080]
/** DNS over TCP. Over UDP, nothing is ever redirected. */
export const DNS_PORT = 53
