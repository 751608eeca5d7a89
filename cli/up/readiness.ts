import type { MeshApi } from '../mod.ts'

/** What the waiting needs; a test hands in its own. */
export interface ReadinessWorld {
  readonly nowMs: () => number
  readonly pause: (ms: number) => Promise<void>
}

const POLL_MS = 50

/**
 * Waits until all `workloads` (`namespace/name`) are offered to callers, for at most `timeoutMs` and not after `stop`.
 * Returns those that are not: empty means that all are.
 */
export async function waitForWorkloads(
  api: Pick<MeshApi, 'offeredWorkloads'>,
  workloads: readonly string[],
  timeoutMs: number,
  world: ReadinessWorld,
  stop: AbortSignal,
): Promise<string[]> {
  const deadlineMs = world.nowMs() + timeoutMs
  for (;;) {
    const offered = await api.offeredWorkloads()
    const missing = workloads.filter(workload => !offered.has(workload))
    if (missing.length === 0 || stop.aborted || world.nowMs() >= deadlineMs) return missing
    await world.pause(POLL_MS)
  }
}
