import type { AdminView } from './admin/mod.ts'
import type { Identity, RenewalState } from './identity/mod.ts'
import type { Destinations } from './outbound/mod.ts'
import type { CurrentPolicy } from './policy/mod.ts'
import type { Instruments } from './telemetry/mod.ts'

export interface ViewParts {
  readonly policy: CurrentPolicy
  readonly destinations: Destinations
  readonly instruments: Instruments
  readonly identity: Identity
  nowMs(): number
  connected(): boolean
  draining(): boolean
  status(): unknown
}

/** What admin pages and metrics read, at the moment that they are asked for. */
export function adminView(parts: ViewParts): AdminView {
  const { policy, destinations, instruments, identity, nowMs } = parts
  return {
    ready: () => {
      if (parts.draining()) return { ready: false, why: 'draining' }
      return policy.self === undefined ? { ready: false, why: 'no policy yet' } : { ready: true, why: 'ready' }
    },
    config: () => policy.dump(),
    endpoints: () => [...destinations.view(nowMs())],
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
    metrics: {
      instruments,
      endpoints: function* () {
        for (const { destination, endpoints } of destinations.view(nowMs())) {
          const ejected = endpoints.filter(endpoint => endpoint.ejected).length
          yield { destination, state: 'healthy' as const, count: endpoints.length - ejected }
          yield { destination, state: 'ejected' as const, count: ejected }
        }
      },
      circuits: () => destinations.view(nowMs()),
      certificateExpiryMs: () => identity.current().notAfterMs,
      configUpdates: () => ({ applied: policy.applied, refused: policy.refused }),
      controlPlaneConnected: parts.connected,
    },
  }
}

function renewalView(state: RenewalState): Readonly<Record<string, string>> {
  // A CA that has ended is not tried again.
  const next = Number.isFinite(state.nextMs) ? new Date(state.nextMs).toISOString() : 'never'
  if (state.kind === 'waiting') return { state: state.kind, next }
  return { state: state.kind, next, since: new Date(state.sinceMs).toISOString(), why: state.why }
}
