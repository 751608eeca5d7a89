import type { Clock, Random, ServiceKey, WorkloadKey } from '../../common/mod.ts'
import type { SnapshotProblem } from '../../model/snapshot/mod.ts'
import type { Identity } from '../identity/identity.ts'
import type { PolicySink, PolicySource } from '../policy/source.ts'
import { createAddressQuestions } from './address-questions.ts'
import { backoffMs, patienceMs } from './backoff.ts'
import { createIntake } from './intake.ts'
import { createInterest } from './interest.ts'
import { createKeeper } from './keeper.ts'
import type { Link, LinkEvents, OpenLink } from './link.ts'
import type { Incoming, Outgoing, Registration } from './messages.ts'

/** How long the control plane may take to say what has changed, before the policy of a former life comes into force without it. */
const BRING_BACK_MS = 1_000
/** A stream that has lived this long was no accident: the next failure begins at the shortest pause again. */
const STABLE_MS = 5_000

export interface StreamSource extends PolicySource {
  /** The application's port began, or ceased, to answer. */
  setReady(ready: boolean): void
  status(): StreamStatus
}

/** For people, and for metrics. */
export interface StreamStatus {
  readonly state: State['kind']
  /** What the control plane calls itself; `undefined` until it has said so. */
  readonly controlPlane: string | undefined
  /** The last revision that was applied; empty before the first. */
  readonly revision: string
  readonly updatesApplied: number
  readonly updatesRefused: number
  readonly lastRefusal: { readonly revision: string; readonly problems: readonly SnapshotProblem[] } | undefined
  readonly subscriptions: number
  /** Why the last stream ended. */
  readonly lastEnd: string | undefined
}

export interface SourceOptions {
  readonly open: OpenLink
  readonly identity: Pick<Identity, 'onChange'>
  readonly workload: WorkloadKey
  /** What is offered at the beginning. */
  readonly registration: Registration
  readonly programVersion: string
  /** Where what is held outlives the process; `undefined`: it does not. */
  readonly stateDir?: string | undefined
  readonly clock: Clock
  readonly random: Random
  readonly log: (fields: Readonly<Record<string, unknown>>, message: string) => void
}

type State =
  | { readonly kind: 'idle' }
  | { readonly kind: 'connecting'; readonly link: Link }
  /** Hello is sent. */
  | { readonly kind: 'greeting'; readonly link: Link; readonly sinceMs: number }
  | { readonly kind: 'open'; readonly link: Link; readonly sinceMs: number; readonly renewal?: NodeJS.Timeout }
  /** A stream with the renewed certificate is on its way, and the old one serves until it is there. */
  | { readonly kind: 'renewing'; readonly link: Link; readonly sinceMs: number; readonly next: Link }
  | { readonly kind: 'waiting'; readonly timer: NodeJS.Timeout }
  | { readonly kind: 'closed' }

/**
 * Policy from the control plane's stream. Reconnects for as long as it lives, and resumes with what it holds; meanwhile, what was
 * applied stays in force.
 */
export function createStreamSource(options: SourceOptions): StreamSource {
  const { clock, log, workload } = options
  const interest = createInterest({ nowMs: clock.nowMs })
  let state: State = { kind: 'idle' }
  let sink: PolicySink | undefined
  let registration = options.registration
  let attempt = 0
  let dialledMs = 0
  /** Wishes of this turn of the event loop, told together. */
  const wishes = { add: new Set<ServiceKey>(), remove: new Set<ServiceKey>() }
  let flushing: NodeJS.Immediate | undefined
  const questions = createAddressQuestions(address => speaking()?.send({ kind: 'address', address }))
  const seen: { -readonly [K in keyof StreamStatus]: StreamStatus[K] } = {
    state: 'idle',
    controlPlane: undefined,
    revision: '',
    updatesApplied: 0,
    updatesRefused: 0,
    lastRefusal: undefined,
    subscriptions: 0,
    lastEnd: undefined,
  }

  const keeper =
    options.stateDir === undefined
      ? undefined
      : createKeeper({ stateDir: options.stateDir, workload, clock, log }, () => ({
          ...{ workload, revision: seen.revision },
          ...{ subscriptions: interest.subscriptions(), held: interest.held() },
        }))
  const restored = keeper?.restored()
  const intake = createIntake({ interest, sink: () => sink, restored, clock, log })
  let impatience: NodeJS.Timeout | undefined
  seen.revision = restored?.update.update.revision ?? ''

  /** The stream on which something can be said now. */
  function speaking(): Link | undefined {
    return state.kind === 'open' || state.kind === 'greeting' || state.kind === 'renewing' ? state.link : undefined
  }

  /** What is said last waits until all that was applied is in force, and what was said before it is gone. */
  let saying: Promise<void> | undefined

  /** Says it on this link, or not at all. An answer, and a Hello, must be true everywhere. */
  function say(link: Link, message: Outgoing): void {
    const settling = sink?.settling?.()
    if (settling === undefined && saying === undefined) {
      link.send(message)
      return
    }
    const said: Promise<void> = Promise.all([saying, settling]).then(() => {
      if (saying === said) saying = undefined
      if (link === speaking()) link.send(message)
    })
    saying = said
  }

  function tell(message: Outgoing): void {
    const link = speaking()
    if (link !== undefined) say(link, message)
  }

  /** Opens a link; `events` name the link, so that one that has been given up is not listened to. */
  function dial(): Link {
    dialledMs = clock.nowMs()
    const events = {
      connected: () => connected(link),
      message: message => {
        if (link === speaking()) take(link, message)
      },
      ended: why => ended(link, why),
    } satisfies LinkEvents
    const link: Link = options.open(events, patienceMs(attempt))
    return link
  }

  function connect(): void {
    state = { kind: 'connecting', link: dial() }
  }

  function connected(link: Link): void {
    if (state.kind === 'renewing' && state.next === link) {
      // From here on the old stream is not heard, so what Hello says is held stays true until the answer.
      void state.link.close()
    } else if (state.kind !== 'connecting' || state.link !== link) return
    state = { kind: 'greeting', link, sinceMs: clock.nowMs() }
    wishes.add.clear()
    wishes.remove.clear()
    const { programVersion } = options
    const subscriptions = interest.subscriptions()
    const held = new Map([...interest.held()].map(([name, { version }]) => [name, version]))
    const { revision } = seen
    intake.greeted()
    say(link, { kind: 'hello', workload, programVersion, subscriptions, held, registration, revision })
  }

  function ended(link: Link, why: string): void {
    if (state.kind === 'renewing' && state.next === link) {
      // The old stream serves on; the new one is tried again.
      const timer = setTimeout(renew, backoffMs(attempt++, options.random, clock.nowMs() - dialledMs))
      state = { kind: 'open', link: state.link, sinceMs: state.sinceMs, renewal: timer }
      log({ why }, 'Cannot open a discovery stream with the renewed certificate; trying again')
      return
    }
    if (state.kind === 'renewing' && state.link === link) {
      state = { kind: 'connecting', link: state.next }
      return
    }
    if (!('link' in state) || state.link !== link) return
    if (state.kind === 'open') clearTimeout(state.renewal)
    intake.bringBack()
    const wasOpen = state.kind !== 'connecting'
    if (state.kind === 'open' && clock.nowMs() - state.sinceMs >= STABLE_MS) attempt = 0
    // A stream that stood and was lost failed at once, however long it had lived.
    const tookMs = wasOpen ? 0 : clock.nowMs() - dialledMs
    const pauseMs = Math.round(backoffMs(attempt++, options.random, tookMs))
    state = { kind: 'waiting', timer: setTimeout(connect, pauseMs) }
    // One line when it is lost, and one for each different reason while it is away.
    if (wasOpen || why !== seen.lastEnd) {
      log({ why, pauseMs }, 'Cannot reach the control plane: the last policy stays in force; trying again')
    }
    seen.lastEnd = why
  }

  function renew(): void {
    switch (state.kind) {
      case 'open':
        clearTimeout(state.renewal)
        state = { kind: 'renewing', link: state.link, sinceMs: state.sinceMs, next: dial() }
        break
      case 'renewing':
        void state.next.close()
        state = { ...state, next: dial() }
        break
      case 'connecting':
      case 'greeting':
        void state.link.close()
        connect()
        break
      default:
        break
    }
  }

  function take(link: Link, message: Incoming): void {
    if (message.kind === 'welcome') {
      seen.controlPlane = message.controlPlane
      questions.greeted(message.addresses)
      if (state.kind === 'greeting') state = { kind: 'open', link, sinceMs: state.sinceMs }
      log({ controlPlane: message.controlPlane }, 'Connected to the control plane')
      return
    }
    if (message.kind === 'address') {
      questions.answered(message.address, message.owner)
      return
    }
    const { nonce, revision, content } = message
    const answer = intake.take(content)
    say(link, { ...answer, nonce })
    if (answer.kind === 'ack') {
      seen.revision = revision
      seen.updatesApplied++
      keeper?.changed()
    } else if (answer.lost.length > 0) {
      log({ revision, ...answer }, 'An update builds on what is not held here; it comes again, whole')
    } else {
      const { problems } = answer
      seen.lastRefusal = { revision, problems }
      seen.updatesRefused++
      log({ revision, problems }, 'Cannot apply an update: the old policy stays in force')
    }
  }

  function flush(): void {
    flushing = undefined
    const add = [...wishes.add]
    const remove = [...wishes.remove]
    wishes.add.clear()
    wishes.remove.clear()
    // Without a stream there is nothing to say: the next Hello names all subscriptions.
    if (add.length + remove.length > 0) tell({ kind: 'subscribe', add, remove })
  }

  function giveUp(services: readonly ServiceKey[]): void {
    for (const service of services) if (!wishes.add.delete(service)) wishes.remove.add(service)
    if (services.length > 0) flushing ??= setImmediate(flush)
  }

  const stopListening = options.identity.onChange(renew)

  return {
    start(to) {
      sink = to
      impatience = setTimeout(intake.bringBack, BRING_BACK_MS)
      connect()
    },
    want(service) {
      const wish = interest.want(service)
      if (wish.kind === 'absent') {
        // The control plane would push its creation, so the answer is at hand; only the asker has forgotten it.
        sink?.apply({ revision: seen.revision, self: undefined, services: [], endpoints: [], absent: [service] })
      }
      if (wish.kind !== 'new' || state.kind === 'closed') return
      // Given up and wanted again within one turn: to ask is enough, and removes are looked at first.
      wishes.add.add(service)
      if (wish.dropped !== undefined) giveUp([wish.dropped])
      flushing ??= setImmediate(flush)
    },
    forget(services, unwantedSinceMs) {
      interest.forget(services)
      keeper?.changed()
      giveUp([...services, ...interest.forgetAbsent(unwantedSinceMs)])
    },
    findOwner: (address, found) => speaking() !== undefined && questions.ask(address, found),
    connected: () => speaking() !== undefined,
    setReady(ready) {
      if (ready === registration.ready) return
      registration = { ...registration, ready }
      tell({ kind: 'readiness', ready })
    },
    status: () => ({ ...seen, state: state.kind, subscriptions: interest.subscriptions().length }),
    async close() {
      stopListening()
      clearImmediate(flushing)
      // Without a word, its absence would be a fault to look into.
      speaking()?.send({ kind: 'goodbye' })
      clearTimeout(impatience)
      const before = state
      state = { kind: 'closed' }
      if (before.kind === 'waiting') clearTimeout(before.timer)
      if (before.kind === 'open') clearTimeout(before.renewal)
      const links = before.kind === 'renewing' ? [before.link, before.next] : 'link' in before ? [before.link] : []
      await Promise.all([keeper?.close(), ...links.map(link => link.close())])
    },
  }
}
