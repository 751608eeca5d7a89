import type { Store } from '../store/mod.ts'
import type { WorldView } from '../world/mod.ts'
import { applyRoutes } from './apply.ts'
import { fleetRoutes } from './fleet.ts'
import { graphRoutes } from './graph.ts'
import { healthRoutes } from './health.ts'
import { infoRoutes, type MeshInfo } from './info.ts'
import type { FleetReader, GraphReader, TraceReader } from './readers.ts'
import { resourceRoutes } from './resources.ts'
import type { Route } from './router.ts'
import { type TokenIssuer, tokenRoutes } from './tokens.ts'
import { traceRoutes } from './traces.ts'

export interface ApiParts {
  readonly store: Store
  readonly world: WorldView
  readonly fleet: FleetReader
  readonly graph: GraphReader
  readonly traces: TraceReader
  readonly tokens: TokenIssuer
  readonly info: () => MeshInfo
  readonly ready: () => boolean
}

/** Every path of the API. */
export function apiRoutes(parts: ApiParts): Route[] {
  const newestRevision = () => parts.store.revision()
  return [
    ...healthRoutes(parts.ready),
    ...applyRoutes(parts),
    ...fleetRoutes(parts.fleet, newestRevision),
    ...graphRoutes(parts.graph),
    ...traceRoutes(parts.traces),
    ...tokenRoutes(parts.tokens, parts.store.audit),
    ...infoRoutes(parts.info, newestRevision),
    ...resourceRoutes(parts),
  ]
}
