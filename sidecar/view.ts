import type { AdminAccess, AdminView } from './admin/mod.ts'
import { type CertificateState, certificateState } from './certificate-alarm.ts'
import type { Drain } from './drain.ts'
import type { Identity, RenewalState } from './identity/mod.ts'
import { LOOP_DELAY_BOUNDS_MS, type OverloadWatch } from './overload/mod.ts'
import type { CurrentPolicy } from './policy/mod.ts'
import type { Protection } from './protection.ts'
import type { Instruments, MetricsView } from './telemetry/mod.ts'
import type { Traffic, TrafficLook } from './traffic.ts'

export interface ViewParts {
  readonly policy: CurrentPolicy
  /** Once it is open. */
  traffic(): Traffic | undefined
  readonly instruments: Instruments
  readonly identity: Identity
  readonly protection: Protection
  readonly watch: OverloadWatch
  wallMs(): number
  connected(): boolean
  readonly adminAccess: AdminAccess
  /** `undefined` while it is still starting. */
  drain(): Drain | undefined
  status(): unknown
  spans: MetricsView['spans']
}

/** Pages open after traffic. */
const NOTHING_YET: TrafficLook = {
  destinations: [],
  loopDelay: { counts: [], sumMs: 0, count: 0 },
  refusedConnections: [],
  gauges: { inboundConnections: 0, outboundConnections: 0, inboundTunnels: 0, outboundTunnels: 0 },
}

/** What admin pages and metrics read, at the moment that they are asked for. */
export function adminView(parts: ViewParts): AdminView {
  const { policy, instruments, identity, protection, watch } = parts
  const certificate = (): CertificateState =>
    certificateState(identity.renewal(), identity.current().notAfterMs, parts.wallMs())
  const look = async (): Promise<TrafficLook> => (await parts.traffic()?.look()) ?? NOTHING_YET
  return {
    ready: () => {
      if ((parts.drain()?.phase ?? 'serving') !== 'serving') return { ready: false, why: 'draining' }
      if (policy.self === undefined) return { ready: false, why: 'no policy yet' }
      const { complaint } = watch
      if (complaint !== undefined) return { ready: false, why: complaint }
      return readiness(certificate(), identity.current().notAfterMs)
    },
    alive: async () => (await parts.traffic()?.alive()) ?? true,
    config: async () => {
      await parts.traffic()?.settled()
      return policy.dump()
    },
    endpoints: async () => (await look()).destinations,
    identity: () => {
      const { spiffeId, trustDomain, notBeforeMs, notAfterMs } = identity.current()
      return {
        spiffeId,
        trustDomain,
        notBefore: new Date(notBeforeMs).toISOString(),
        notAfter: new Date(notAfterMs).toISOString(),
        renewal: renewalView(identity.renewal()),
      }
    },
    status: parts.status,
    drain: async () => (await parts.drain()?.look()) ?? { phase: 'starting', done: false, exchanges: 0, tunnels: 0 },
    beginDrain: () => parts.drain()?.begin(),
    admits: authorization => parts.adminAccess.admits(authorization),
    metrics: async () => {
      const { destinations, loopDelay, refusedConnections } = await look()
      return {
        instruments,
        endpoints: function* () {
          for (const { destination, endpoints } of destinations) {
            const ejected = endpoints.filter(endpoint => endpoint.ejected).length
            yield { destination, state: 'healthy' as const, count: endpoints.length - ejected }
            yield { destination, state: 'ejected' as const, count: ejected }
          }
        },
        circuits: () => destinations,
        certificateExpiryMs: () => identity.current().notAfterMs,
        configUpdates: () => ({ applied: policy.applied, refused: policy.refused }),
        controlPlaneConnected: parts.connected,
        spans: parts.spans,
        strain: () => ({
          memory: {
            ratio: watch.reading.ratio,
            refusesConnections: watch.refusesConnections,
            refusesRequests: watch.refusesRequests,
          },
          loopDelay: { boundsMs: LOOP_DELAY_BOUNDS_MS, ...loopDelay },
          refusedConnections,
          descriptors: protection.descriptors(),
          renewalOverdue: certificate().kind !== 'fresh',
        }),
      }
    },
  }
}

function renewalView(state: RenewalState): Readonly<Record<string, string>> {
  // A CA that has ended is not tried again.
  const next = Number.isFinite(state.nextMs) ? new Date(state.nextMs).toISOString() : 'never'
  if (state.kind === 'waiting') return { state: state.kind, next }
  return { state: state.kind, next, since: new Date(state.sinceMs).toISOString(), why: state.why }
}

/** A certificate that could not be renewed is an alarm while it lasts, and the end of all traffic afterwards. */
function readiness(certificate: CertificateState, notAfterMs: number): ReturnType<AdminView['ready']> {
  const end = new Date(notAfterMs).toISOString()
  switch (certificate.kind) {
    case 'fresh':
      return { ready: true, why: 'ready' }
    case 'overdue':
      return { ready: true, why: `ready; the certificate ends at ${end}, and could not be renewed: ${certificate.why}` }
    case 'ended':
      return { ready: false, why: `the certificate ended at ${end}, and could not be renewed: ${certificate.why}` }
  }
}
