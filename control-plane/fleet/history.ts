import type { SnapshotProblem } from '../../model/snapshot/mod.ts'

/** What became of a revision at one sidecar. */
export type Verdict =
  /** Its content did not change for this sidecar. */
  | { readonly kind: 'not-concerned' }
  | { readonly kind: 'live' }
  /** Not looked at yet, or sent and not answered. */
  | { readonly kind: 'pending' }
  | { readonly kind: 'refused'; readonly problems: readonly SnapshotProblem[] }

/** What happened between two looks at one sidecar: to the revisions above `from` and up to `to`. */
interface Step {
  readonly from: number
  to: number
  verdict: Verdict
}

/** Steps that are kept for each sidecar. Who asks after an older revision than these is told that it doesn't concern the sidecar any more. */
const STEPS_MAX = 64

const NOT_CONCERNED: Verdict = { kind: 'not-concerned' }
const LIVE: Verdict = { kind: 'live' }
const PENDING: Verdict = { kind: 'pending' }

/** What each revision meant for one sidecar, and what became of it there. */
export interface History {
  verdict(revision: number): Verdict
  /** All revisions up to `revision` have been looked at, and nothing differs from what the sidecar holds. */
  unchanged(revision: number): void
  /** What differs, up to `revision`, was sent; the answer is awaited. */
  sent(revision: number): void
  /** The sidecar applied what was sent. `whole`: nothing that it refused earlier is missing there. */
  acknowledged(whole: boolean): void
  refused(problems: readonly SnapshotProblem[]): void
  /** The stream ended: what is in flight will not be answered on it. */
  abandoned(): void
  /** The sidecar holds all that the revisions up to this one mean for it. */
  settled(): number
  /** The revision that was sent and is not answered; `undefined` when there is none. */
  inFlight(): number | undefined
}

export function createHistory(): History {
  const steps: Step[] = []
  /** The sidecar holds nothing of what was first refused above this revision; `undefined` when it misses nothing. */
  let refusedFrom: number | undefined

  function last(): number {
    return steps.at(-1)?.to ?? 0
  }

  function flying(): Step | undefined {
    const step = steps.at(-1)
    return step?.verdict.kind === 'pending' ? step : undefined
  }

  function add(revision: number, verdict: Verdict): void {
    const previous = steps.at(-1)
    // The same verdict of two neighbours is one step, so that a quiet sidecar's history stays short. A refusal keeps its own reasons, and
    // what is in flight waits for its own answer.
    if (previous?.verdict === verdict && verdict !== PENDING) previous.to = Math.max(previous.to, revision)
    else if (revision > last() || verdict === PENDING) steps.push({ from: last(), to: revision, verdict })
    if (steps.length > STEPS_MAX) steps.shift()
  }

  return {
    verdict(revision) {
      if (revision > last()) return PENDING
      return steps.find(step => revision > step.from && revision <= step.to)?.verdict ?? NOT_CONCERNED
    },
    unchanged(revision) {
      add(revision, NOT_CONCERNED)
    },
    sent(revision) {
      add(revision, PENDING)
    },
    acknowledged(whole) {
      const step = flying()
      if (step !== undefined) step.verdict = LIVE
      if (!whole) return
      refusedFrom = undefined
      // What was refused once is live now, or another revision has taken its place: the sidecar is where it should be.
      for (const earlier of steps) if (earlier.verdict.kind === 'refused') earlier.verdict = LIVE
    },
    refused(problems) {
      const step = flying()
      if (step === undefined) return
      step.verdict = { kind: 'refused', problems }
      refusedFrom ??= step.from
    },
    abandoned() {
      if (flying() !== undefined) steps.pop()
    },
    settled() {
      return refusedFrom ?? flying()?.from ?? last()
    },
    inFlight() {
      return flying()?.to
    },
  }
}
