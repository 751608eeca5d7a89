import type { ServiceKey } from '../../common/mod.ts'
import type { ServiceSnapshot } from '../../model/snapshot/mod.ts'

/** What is known of a service's use. */
interface Used {
  readonly service: { readonly snapshot: ServiceSnapshot }
  /** Monotonic milliseconds of the last request that looked it up. */
  readonly usedMs: number
}

/**
 * The services that nobody uses: not looked up since `sinceMs`, nothing under way to them or to a backend of theirs, and no backend of
 * one that is used.
 */
export function unusedServices(
  services: ReadonlyMap<ServiceKey, Used>,
  sinceMs: number,
  busy: (key: ServiceKey) => boolean,
): readonly ServiceKey[] {
  const used = new Set<ServiceKey>()
  for (const [key, { service, usedMs }] of services) {
    const backends = backendsOf(service.snapshot)
    if (usedMs < sinceMs && !busy(key) && !backends.some(busy)) continue
    used.add(key)
    for (const backend of backends) used.add(backend)
  }
  return [...services.keys()].filter(key => !used.has(key))
}

function backendsOf({ routing }: ServiceSnapshot): readonly ServiceKey[] {
  if (routing.kind === 'none-attached') return []
  return routing.rules.flatMap(rule => rule.backends.flatMap(one => (one.kind === 'service' ? [one.service] : [])))
}
