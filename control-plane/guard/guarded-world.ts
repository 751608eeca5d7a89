import { type Clock, type WorkloadKey, workloadKey } from '../../common/mod.ts'
import type { WorldNews, WorldState, WorldView } from '../world/mod.ts'
import { type Census, censusOf, type LostKind, lostKinds } from './census.ts'
import { lostLeases } from './lost-leases.ts'

/** What is held back, in words. */
export interface Alarm {
  readonly reason: 'registry' | 'store'
  /** Unix time in milliseconds. */
  readonly since: number
  /** How many workloads are kept, or how many kinds are missing. */
  readonly count: number
  /** What has happened, what it means, and what to do. */
  readonly message: string
}

/** The world as sidecars are shown it: as it is, but for losses that nobody asked for. */
export interface GuardedWorld extends WorldView {
  /** While it is, nothing at all is pushed: what the store holds can't be believed. */
  frozen(): boolean
  alarms(): readonly Alarm[]
  /** The mesh shall be as it is now, losses and all. False where nothing was held back. */
  release(): boolean
  close(): void
}

export interface GuardOptions {
  readonly world: WorldView
  readonly clock: Clock
  /** What the store held when the control plane ended, and what is missing of it now. */
  readonly before: Census | undefined
  readonly lost: readonly LostKind[]
  /** What there is now, whenever that has changed and is believed. */
  readonly note: (census: Census) => void
  readonly log: { error(message: string): void; info(message: string): void }
}

/** How often we look whether most of what was lost has come back. */
const LOOK_MS = 1_000
const RELEASE = 'run "selvedge guard release" when the mesh shall be as it is now'

export function guardWorld(options: GuardOptions): GuardedWorld {
  const { world, clock, before, log, note } = options
  const leases = lostLeases(clock.nowMs)
  const listeners = new Set<Parameters<WorldView['onChange']>[0]>()
  let lost = options.lost
  let lostSinceMs = clock.wallMs()
  let withheldSinceMs = 0
  let shown = world.state()
  let looking: NodeJS.Timeout | undefined

  if (lost.length > 0) log.error(storeMessage(lost))
  else note(censusOf(shown.world, shown.revision))

  function take(state: WorldState, news: WorldNews): void {
    if (news.origin === 'leases') noteLeases(news)
    settle()
    if (lost.length > 0 && before !== undefined) {
      // What goes from here on, somebody deletes before our eyes.
      const missing = new Set(lost.map(({ kind }) => kind))
      lost = lostKinds(before, censusOf(state.world, before.revision), []).filter(({ kind }) => missing.has(kind))
      if (lost.length === 0) log.info('The store holds again what it had lost: sidecars are told what has changed')
    }
    if (lost.length === 0 && news.origin === 'commit') note(censusOf(state.world, state.revision))
    show(state, news)
  }

  function noteLeases({ changes }: WorldNews): void {
    for (const change of changes) {
      if (change.kind === 'remove') leases.ended(workloadKey(change.namespace, change.name))
      else if (change.resource.kind === 'Workload') {
        const { resource } = change
        const key = workloadKey(resource.metadata.namespace, resource.metadata.name)
        if (resource.status?.ready === false) leases.rests(key)
        else leases.serves(key, resource)
      }
    }
  }

  /** Whether what is withheld has changed. */
  function settle(): boolean {
    const was = leases.sinceMs()
    const changed = leases.settle()
    const is = leases.sinceMs()
    if (was === undefined && is !== undefined) {
      withheldSinceMs = clock.wallMs()
      log.error(registryMessage(leases.withheld(), leases.serving()))
      looking = setInterval(look, LOOK_MS)
      looking.unref()
    }
    if (was !== undefined && is === undefined) {
      clearInterval(looking)
      log.info('Most workloads that had vanished are back: those that are not are withdrawn')
    }
    return changed
  }

  function look(): void {
    if (settle()) show(world.state(), { origin: 'leases', changes: [] })
  }

  function show(state: WorldState, news: WorldNews): void {
    shown = withLeases(state, leases.withheld())
    for (const listener of listeners) listener(shown, news)
  }

  const unsubscribe = world.onChange(take)
  return {
    state: () => shown,
    onChange(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    frozen: () => lost.length > 0,
    alarms() {
      const alarms: Alarm[] = []
      if (lost.length > 0) {
        alarms.push({ reason: 'store', since: lostSinceMs, count: lost.length, message: storeMessage(lost) })
      }
      const withheld = leases.withheld()
      if (withheld.size > 0) {
        const message = registryMessage(withheld, leases.serving())
        alarms.push({ reason: 'registry', since: withheldSinceMs, count: withheld.size, message })
      }
      return alarms
    },
    release() {
      if (lost.length === 0 && leases.sinceMs() === undefined) return false
      clearInterval(looking)
      leases.release()
      lost = []
      lostSinceMs = 0
      const state = world.state()
      note(censusOf(state.world, state.revision))
      log.info('What was held back has been released: sidecars are told of the mesh as it is')
      show(state, { origin: 'leases', changes: [] })
      return true
    },
    close() {
      unsubscribe()
      clearInterval(looking)
    },
  }
}

function withLeases(state: WorldState, withheld: ReadonlyMap<WorkloadKey, unknown>): WorldState {
  if (withheld.size === 0) return state
  const { world, revision } = state
  const workloads = new Map([...(withheld as typeof world.workloads), ...world.workloads])
  return Object.freeze({ world: { ...world, workloads }, revision })
}

function storeMessage(lost: readonly LostKind[]): string {
  const what = lost.map(({ kind, expected, found }) =>
    found === 0 ? `every ${kind} (${expected})` : `${expected - found} of ${expected} ${kind}s`,
  )
  return (
    `The store has lost ${what.join(', ')}, and nobody deleted them: nothing is pushed, and sidecars go on with what they hold. ` +
    `Restore the store from a backup or apply the resources again; or ${RELEASE}.`
  )
}

function registryMessage(withheld: ReadonlyMap<WorkloadKey, unknown>, serving: number): string {
  const [first = ''] = withheld.keys()
  const others = withheld.size > 1 ? ` and ${withheld.size - 1} others` : ''
  return (
    `${withheld.size} of ${withheld.size + serving} workloads that served vanished without a word (${first}${others}): their endpoints ` +
    `are kept until they come back. Look at the network between sidecars and control plane; or ${RELEASE}.`
  )
}
