import type { WorkloadKey } from '../../common/mod.ts'
import type { WaitAnswer } from '../api/mod.ts'
import type { Verdict } from './history.ts'

/**
 * How long a wait counts a sidecar whose stream has ended: it still carries traffic by what it holds, and is expected back within two
 * seconds. One that ended for good is counted no longer than this.
 */
export const RETURN_GRACE_MS = 2_000

/** One wait for a revision to be live: what each sidecar's verdict is by now. */
export interface Waiter {
  readonly revision: number
  /** A sidecar's verdict has, perhaps, changed. `undefined`: it is gone, and no longer waited for. */
  note(workload: WorkloadKey, verdict: Verdict | undefined): void
  /** Begins to answer: what has been noted until now is the whole fleet. */
  arm(): void
  /** Ends the wait with what is known by now. Idempotent. */
  finish(): void
}

export interface WaiterOptions {
  readonly revision: number
  readonly elapsedMs: () => number
  readonly done: (answer: WaitAnswer) => void
}

export function createWaiter(options: WaiterOptions): Waiter {
  const verdicts = new Map<WorkloadKey, Verdict>()
  const pending = new Set<WorkloadKey>()
  let state: 'gathering' | 'waiting' | 'finished' = 'gathering'

  function finish(): void {
    if (state === 'finished') return
    state = 'finished'
    options.done(answerOf(verdicts, pending, options.elapsedMs()))
  }

  return {
    revision: options.revision,
    note(workload, verdict) {
      // Once live, a revision stays live there: a stream that ends later doesn't take it back.
      if (verdicts.get(workload)?.kind === 'live') return
      if (verdict === undefined) verdicts.delete(workload)
      else verdicts.set(workload, verdict)
      if (verdict?.kind === 'pending') pending.add(workload)
      else pending.delete(workload)
      if (pending.size === 0 && state === 'waiting') finish()
    },
    arm() {
      if (state !== 'gathering') return
      state = 'waiting'
      if (pending.size === 0) finish()
    },
    finish,
  }
}

function answerOf(
  verdicts: ReadonlyMap<WorkloadKey, Verdict>,
  pending: ReadonlySet<WorkloadKey>,
  elapsedMs: number,
): WaitAnswer {
  let live = 0
  const nacks: { workload: string; problems: WaitAnswer['nacks'][number]['problems'] }[] = []
  for (const [workload, verdict] of verdicts) {
    if (verdict.kind === 'live') live++
    if (verdict.kind === 'refused') nacks.push({ workload, problems: verdict.problems })
  }
  return { live, of: live + pending.size + nacks.length, elapsedMs, pending: [...pending].sort(), nacks }
}
