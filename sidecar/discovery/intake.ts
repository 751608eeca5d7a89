import type { Clock, Result } from '../../common/mod.ts'
import type { SnapshotProblem } from '../../model/snapshot/mod.ts'
import type { PolicySink } from '../policy/source.ts'
import type { Interest } from './interest.ts'
import type { LastKnownGood } from './last-known-good.ts'
import type { ReceivedUpdate } from './messages.ts'
import { wholeUpdate } from './whole-update.ts'

/** What an update is answered with. */
export type Answer =
  | { readonly kind: 'ack' }
  | { readonly kind: 'nack'; readonly problems: readonly SnapshotProblem[]; readonly lost: readonly string[] }

/** Puts in force what comes from the control plane, or what a former life has left. */
export interface Intake {
  /** Hello says now what is held: from here on, updates build on that. */
  greeted(): void
  take(content: Result<ReceivedUpdate, readonly SnapshotProblem[]>): Answer
  /** The control plane does not answer: what the former life has left comes into force, unless it has already, or there is nothing. */
  bringBack(): void
}

export interface IntakeOptions {
  readonly interest: Interest
  readonly sink: () => PolicySink | undefined
  readonly restored: LastKnownGood | undefined
  readonly clock: Clock
  readonly log: (fields: Readonly<Record<string, unknown>>, message: string) => void
}

export function createIntake({ interest, sink, restored, clock, log }: IntakeOptions): Intake {
  /** Held, and told so in Hello, but not in force yet: an old policy is better than none, and worse than the present one. */
  let waiting = restored
  /** Hello said that these are held, and they are not. */
  let lost: readonly string[] = []
  if (restored !== undefined) interest.restore(restored.subscriptions, restored.update)

  /** What is kept goes first, then what has changed since: nobody sees what is between the two. */
  function settle(): boolean {
    const kept = waiting
    waiting = undefined
    if (kept === undefined) return false
    const applied = sink()?.apply(kept.update.update)
    if (applied?.ok !== false) return true
    lost = interest.holdNothing()
    log({ problems: applied.error }, 'Cannot apply the policy that was kept: it begins with nothing')
    return false
  }

  function refusal(problems: readonly SnapshotProblem[]): Answer {
    return { kind: 'nack', problems, lost: [] }
  }

  return {
    greeted() {
      lost = []
    },
    take(content) {
      settle()
      if (lost.length > 0) {
        const names = lost
        lost = []
        const problems = [{ resource: 'self', field: '', message: 'what this sidecar had kept was of no use to it' }]
        return { kind: 'nack', problems, lost: names }
      }
      if (!content.ok) return refusal(content.error)
      const whole = wholeUpdate(content.value, interest)
      if (!whole.ok) return { kind: 'nack', ...whole.error }
      const applied = sink()?.apply(whole.value.update)
      if (applied?.ok === false) return refusal(applied.error)
      interest.applied(whole.value)
      return { kind: 'ack' }
    },
    bringBack() {
      const kept = waiting
      if (!settle() || kept === undefined) return
      const ageSeconds = Math.round((clock.wallMs() - kept.savedMs) / 1000)
      const { revision, services } = kept.update.update
      log(
        { revision, services: services.length, ageSeconds },
        'Cannot reach the control plane: the policy that was kept on disk is in force',
      )
    },
  }
}
