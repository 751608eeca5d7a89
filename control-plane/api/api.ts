import type { Clock } from '../../common/mod.ts'
import type { KindInfo } from '../../model/resources/mod.ts'
import type { Store } from '../store/mod.ts'
import type { WorldView } from '../world/mod.ts'
import type { Access } from './access.ts'
import { apiTokenRoutes } from './api-tokens.ts'
import { applyRoutes } from './apply.ts'
import { auditRoutes } from './audit.ts'
import { discoveryRoutes } from './discovery.ts'
import { storedChanges, workloadChanges } from './events.ts'
import { fleetRoutes } from './fleet.ts'
import { graphRoutes } from './graph.ts'
import { guardRoutes } from './guard.ts'
import { healthRoutes } from './health.ts'
import { infoRoutes, type MeshInfo } from './info.ts'
import type { Shown } from './listing.ts'
import { openApiRoutes } from './open-api.ts'
import { Pages } from './pages.ts'
import type { FleetReader, GraphReader, GuardReader, TraceReader } from './readers.ts'
import { resourceRoutes } from './resources.ts'
import { rollbackRoutes } from './rollback.ts'
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
  readonly guard: GuardReader
  readonly access: Access
  readonly clock: Clock
  readonly info: () => MeshInfo
  readonly ready: () => boolean
}

/** Every path of the API. */
export function apiRoutes(parts: ApiParts): Route[] {
  const { store, world, clock } = parts
  const newestRevision = () => store.revision()
  const ofWorkloads = workloadChanges(world)
  const reader = {
    ...{ store, world, pages: new Pages<Shown>(clock), watches: { open: 0 } },
    changesOf: (info: KindInfo) => (info.kind === 'Workload' ? ofWorkloads : storedChanges(store, info)),
  }
  return [
    ...healthRoutes(parts.ready),
    ...discoveryRoutes(),
    ...openApiRoutes(() => parts.info().version),
    ...applyRoutes(parts),
    ...rollbackRoutes(parts),
    ...auditRoutes(store.audit),
    ...fleetRoutes(parts.fleet, newestRevision),
    ...guardRoutes(parts.guard, store.audit),
    ...graphRoutes(parts.graph),
    ...traceRoutes(parts.traces),
    ...tokenRoutes(parts.tokens, store.audit),
    ...apiTokenRoutes(parts.access, store.audit),
    ...infoRoutes(parts.info, newestRevision),
    ...resourceRoutes(reader),
  ]
}
