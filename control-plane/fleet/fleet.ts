import { type Clock, err, ok, type Result, type WorkloadKey } from '../../common/mod.ts'
import type { SnapshotProblem } from '../../model/snapshot/mod.ts'
import type { FleetReader, WaitAnswer } from '../api/mod.ts'
import { createMember, type Member, nackAnswer, type SidecarFacts, sidecarAnswer } from './member.ts'
import { createWaiter, RETURN_GRACE_MS, type Waiter } from './waiter.ts'

/** Sidecars that may be connected at once; one control plane process holds a stream and a few KiB for each. */
const CONNECTED_MAX = 10_000
/** Sidecars that are gone and still shown, for whoever asks what was there; the longest gone are forgotten first. */
const GONE_MAX = 1_000
/** Waits under way at once; a wait beyond this answers at once with what is known. */
const WAITERS_MAX = 1_000

/** Who is connected, and what became of each revision there. */
export interface Fleet extends FleetReader {
  /** A stream has proved who it is. It takes the place of an older stream of the same workload. Refused when the fleet is full. */
  connect(facts: SidecarFacts, subscriptions: () => readonly string[]): Result<FleetStream, string>
  connected(): number
}

/** One stream's word on its sidecar. When a newer stream has taken its place, nothing that it says counts. */
export interface FleetStream {
  /** Everything up to `revision` was looked at, and nothing differs from what the sidecar holds. */
  unchanged(revision: number): void
  sent(revision: number): void
  /** `whole`: nothing that the sidecar refused earlier is missing there. */
  acknowledged(whole: boolean): void
  refused(problems: readonly SnapshotProblem[]): void
  /** What is in flight was no use to the sidecar, and is sent in another form. */
  abandoned(): void
  /** The sidecar is about to end, as it should: once its stream has ended, nobody has to ask where it is. */
  leaves(): void
  disconnect(): void
}

export interface FleetOptions {
  readonly clock: Clock
  /** The newest revision that there is. */
  readonly revision: () => number
  /**
   * The sidecars that the control plane before this one knew. They carry traffic by what they hold, and come back within `graceMs` from now:
   * until then a wait counts them, or a write just after a restart would be live wherever nobody has come back yet. @default none
   */
  readonly expected?: { readonly workloads: readonly WorkloadKey[]; readonly graceMs: number }
}

export function createFleet({ clock, revision, expected = { workloads: [], graceMs: 0 } }: FleetOptions): Fleet {
  const members = new Map<WorkloadKey, Member>()
  const waiters = new Set<Waiter>()
  /** Who has not come back yet. */
  const missing = new Set(expected.workloads)
  const missingUntilMs = clock.nowMs() + expected.graceMs
  let connected = 0

  /** Tells all waits what is true of one sidecar now. */
  function tell(member: Member): void {
    for (const waiter of waiters) waiter.note(member.facts.workload, member.history.verdict(waiter.revision))
  }

  function disconnect(member: Member): void {
    member.stream = undefined
    member.sinceMs = clock.wallMs()
    member.changedMs = clock.nowMs()
    member.history.abandoned()
    connected--
    // The longest gone stands first: each that goes moves to the end.
    members.delete(member.facts.workload)
    members.set(member.facts.workload, member)
    tell(member)
    for (const waiter of waiters) forgetLater(waiter, member)
    forgetOldest(members, members.size - connected - GONE_MAX)
  }

  /** A wait counts a sidecar that is gone until its grace is over. */
  function forgetLater(waiter: Waiter, member: Member): void {
    const { changedMs } = member
    const timer = setTimeout(
      () => {
        if (member.stream === undefined && member.changedMs === changedMs) {
          waiter.note(member.facts.workload, undefined)
        }
      },
      Math.max(0, changedMs + RETURN_GRACE_MS - clock.nowMs()),
    )
    timer.unref()
  }

  function noteMissing(waiter: Waiter): void {
    const leftMs = missingUntilMs - clock.nowMs()
    if (missing.size === 0 || leftMs <= 0) return
    for (const workload of missing) waiter.note(workload, { kind: 'pending' })
    const timer = setTimeout(() => {
      for (const workload of missing) waiter.note(workload, undefined)
    }, leftMs)
    timer.unref()
  }

  function streamOf(member: Member, stream: object): FleetStream {
    function tellIfCurrent(change: () => void): void {
      if (member.stream !== stream) return
      change()
      tell(member)
    }
    return {
      unchanged: at => tellIfCurrent(() => member.history.unchanged(at)),
      sent: at => tellIfCurrent(() => member.history.sent(at)),
      acknowledged: whole => tellIfCurrent(() => member.history.acknowledged(whole)),
      refused: problems =>
        tellIfCurrent(() => {
          member.lastNack = nackAnswer(member.history.inFlight() ?? 0, clock.wallMs(), problems)
          member.history.refused(problems)
        }),
      abandoned: () => tellIfCurrent(() => member.history.abandoned()),
      leaves() {
        if (member.stream === stream) member.left = true
      },
      disconnect() {
        if (member.stream === stream) disconnect(member)
      },
    }
  }

  return {
    connect(facts, subscriptions) {
      const member = members.get(facts.workload) ?? createMember(facts)
      if (member.stream === undefined) {
        if (connected >= CONNECTED_MAX) {
          return err(
            `Cannot connect ${facts.workload}: ${CONNECTED_MAX} sidecars are connected already. Add a control plane.`,
          )
        }
        connected++
        member.sinceMs = clock.wallMs()
        member.changedMs = clock.nowMs()
      }
      const stream = {}
      member.history.abandoned()
      member.facts = facts
      member.stream = stream
      member.left = false
      member.subscriptions = subscriptions
      members.set(facts.workload, member)
      missing.delete(facts.workload)
      tell(member)
      return ok(streamOf(member, stream))
    },
    connected: () => connected,
    fleet() {
      const shown = [...members.values()].filter(({ stream, left }) => stream !== undefined || !left)
      const sidecars = shown.map(sidecarAnswer)
      sidecars.sort((a, b) => (a.workload < b.workload ? -1 : 1))
      return { revision: revision(), sidecars }
    },
    wait(wanted, timeoutMs, signal) {
      const startedMs = clock.nowMs()
      return new Promise<WaitAnswer>(resolve => {
        const waiter = createWaiter({
          revision: wanted,
          elapsedMs: () => Math.round(clock.nowMs() - startedMs),
          done: answer => {
            waiters.delete(waiter)
            clearTimeout(timer)
            signal.removeEventListener('abort', waiter.finish)
            resolve(answer)
          },
        })
        const timer = setTimeout(waiter.finish, timeoutMs)
        signal.addEventListener('abort', waiter.finish)
        for (const member of members.values()) {
          const goneForMs = member.stream === undefined ? startedMs - member.changedMs : 0
          if (goneForMs >= RETURN_GRACE_MS) continue
          waiter.note(member.facts.workload, member.history.verdict(wanted))
          if (member.stream === undefined) forgetLater(waiter, member)
        }
        noteMissing(waiter)
        if (waiters.size >= WAITERS_MAX || signal.aborted) waiter.finish()
        else {
          waiters.add(waiter)
          waiter.arm()
        }
      })
    },
  }
}

function forgetOldest(members: Map<WorkloadKey, Member>, count: number): void {
  let left = count
  for (const [workload, member] of members) {
    if (left <= 0) return
    if (member.stream !== undefined) continue
    members.delete(workload)
    left--
  }
}
