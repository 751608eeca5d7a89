import type { RouteToCollector } from './collector-agent.ts'
import type { OpenCollector } from './otlp-export.ts'

/** Opens collectors through the SDK, which is loaded at the first: 18 MB and a third of a second (measured) that a mesh without OTLP never pays. */
export function openCollector(route: RouteToCollector): OpenCollector {
  return async (endpoint, identity) => {
    const { sdkCollector } = await import('./sdk-collector.ts')
    return sdkCollector({ endpoint, identity, route })
  }
}

/** Loads what an export loads, and opens nothing: for whoever prepares a compile cache. */
export async function preloadExporters(): Promise<void> {
  const { loadExporters } = await import('./sdk-collector.ts')
  await loadExporters()
}
