import type { WorkloadKey } from '../../common/mod.ts'
import type { WorkloadResource } from '../../model/resources/mod.ts'

/** Losses within this span belong together: sidecars that lose one switch, or one control plane, do so within seconds. */
const WINDOW_MS = 10_000
/** Fewer than this are a deployment that was killed, not a registry that has gone bad. */
const LOST_MIN = 10
/** So long, whoever was lost may come back, before those that did not are let go because most have. */
const RETURN_MS = 30_000

/** Workloads that served and vanished without saying that they would. */
export interface LostLeases {
  /** It serves, now or still. */
  serves(workload: WorkloadKey, resource: WorkloadResource): void
  /** It said that it does not serve (any more): whatever becomes of it then is no loss. */
  rests(workload: WorkloadKey): void
  /** Its lease has ended. */
  ended(workload: WorkloadKey): void
  /** To be called when all that came together has been told. Whether what is withheld has changed. */
  settle(): boolean
  /** What is to be shown as if it were there. */
  withheld(): ReadonlyMap<WorkloadKey, WorkloadResource>
  /** How many serve. */
  serving(): number
  /** Since when, monotonic; `undefined` while nothing is withheld. */
  sinceMs(): number | undefined
  /** Lets go of all. */
  release(): void
}

export function lostLeases(nowMs: () => number): LostLeases {
  const serving = new Map<WorkloadKey, WorkloadResource>()
  const withheld = new Map<WorkloadKey, WorkloadResource>()
  /** The losses of the last seconds, oldest first, withheld or not. */
  const recent = new Map<WorkloadKey, { readonly atMs: number; readonly resource: WorkloadResource }>()
  let sinceMs: number | undefined
  let changed = false

  function withhold(workload: WorkloadKey, resource: WorkloadResource): void {
    withheld.set(workload, resource)
    changed = true
  }

  function release(): void {
    changed ||= withheld.size > 0
    withheld.clear()
    recent.clear()
    sinceMs = undefined
  }

  return {
    serves(workload, resource) {
      serving.set(workload, resource)
      recent.delete(workload)
      if (withheld.delete(workload)) changed = true
    },
    rests(workload) {
      serving.delete(workload)
      recent.delete(workload)
      if (withheld.delete(workload)) changed = true
    },
    ended(workload) {
      const resource = serving.get(workload)
      if (resource === undefined) return
      serving.delete(workload)
      recent.set(workload, { atMs: nowMs(), resource })
      if (sinceMs !== undefined) withhold(workload, resource)
    },
    settle() {
      for (const [workload, { atMs }] of recent) if (atMs < nowMs() - WINDOW_MS) recent.delete(workload)
      if (sinceMs === undefined && recent.size >= LOST_MIN && recent.size > serving.size) {
        sinceMs = nowMs()
        for (const [workload, { resource }] of recent) withhold(workload, resource)
      }
      if (sinceMs !== undefined) {
        const mostServe = withheld.size <= serving.size && nowMs() >= sinceMs + RETURN_MS
        if (withheld.size === 0 || mostServe) release()
      }
      const had = changed
      changed = false
      return had
    },
    withheld: () => withheld,
    serving: () => serving.size,
    sinceMs: () => sinceMs,
    release,
  }
}
