import type { Clock } from '../../common/mod.ts'
import { messageOf } from '../mod.ts'
import { deathsInARow, restMs } from './backoff.ts'
import type { Child, Exit } from './launch.ts'

/** Where a supervised process is. Each state owns what only it needs; `deaths` counts those in a row. */
type State =
  | { readonly phase: 'idle' }
  | { readonly phase: 'launching'; readonly launched: Promise<Child | undefined> }
  | { readonly phase: 'alive'; readonly child: Child; readonly deaths: number; readonly sinceMs: number }
  | { readonly phase: 'resting'; readonly timer: Timer }
  /** `ending` until nobody lives any more, so that who lost patience can still kill. */
  | { readonly phase: 'stopped'; readonly ending: Child | undefined }

export interface Timer {
  cancel(): void
}

/** Time, as supervision needs it; a test brings its own. */
export interface SupervisionWorld {
  readonly clock: Clock
  after(ms: number, run: () => void): Timer
}

export function systemWorld(clock: Clock): SupervisionWorld {
  return {
    clock,
    after(ms, run) {
      const timer = setTimeout(run, ms)
      return { cancel: () => clearTimeout(timer) }
    },
  }
}

export interface SupervisedOptions {
  readonly name: string
  /** Starts the process; called again after each death. Rejects when it can't be started, which counts as a death. */
  readonly launch: () => Promise<Child>
  /** Called each time that the process says it is ready, with what its ready line carries. */
  readonly onReady?: (ready: unknown) => void
  /** Called after each death, the last one included, with the id of a process group in which nobody lives any more. */
  readonly onGone?: (pid: number) => void
  /** Where this is given, the process is not started again: its end is the end. */
  readonly onEnd?: (exit: Exit) => void
  /** A death before it was ever ready is final too: `start` rejects. */
  readonly mustStart?: boolean
  /** One line for the user. */
  readonly tell: (line: string) => void
}

/** How often we look whether the last of a process group has ended. */
const GROUP_POLL_MS = 20
/** Who was killed is gone by then, or only a zombie that its new parent does not collect. */
const KILLED_MS = 200

/** Keeps one process alive until it is stopped: it restarts what dies, after a rest that grows with each death in a row, and says so. */
export class Supervised {
  readonly #options: SupervisedOptions
  readonly #world: SupervisionWorld
  readonly #firstReady = Promise.withResolvers<unknown>()
  #everReady = false
  #state: State = { phase: 'idle' }

  constructor(options: SupervisedOptions, world: SupervisionWorld) {
    this.#options = options
    this.#world = world
  }

  get phase(): State['phase'] {
    return this.#state.phase
  }

  /** Settles when the process is ready for the first time, however many starts that takes. */
  start(): Promise<unknown> {
    if (this.#state.phase === 'idle') this.#launch(0)
    return this.#firstReady.promise
  }

  /** Ends the process for good: asks, and forces what remains of its group after `graceMs`. Resolves when nobody lives. */
  async stop(graceMs: number): Promise<void> {
    const state = this.#state
    if (state.phase === 'stopped') return
    this.#state = { phase: 'stopped', ending: undefined }
    if (state.phase === 'resting') state.timer.cancel()
    const child = state.phase === 'launching' ? await state.launched : state.phase === 'alive' ? state.child : undefined
    if (child === undefined) return
    this.#state = { phase: 'stopped', ending: child }
    await this.#end(child, graceMs)
    this.#state = { phase: 'stopped', ending: undefined }
  }

  /** Ends what lives at once, and for good; also what `stop` is still waiting for. */
  kill(): void {
    const state = this.#state
    const child = state.phase === 'alive' ? state.child : state.phase === 'stopped' ? state.ending : undefined
    child?.signal('SIGKILL')
    void this.stop(0)
  }

  #launch(deaths: number): void {
    const launched = this.#options.launch().then(
      child => {
        this.#launched(child, deaths)
        return child
      },
      (thrown: unknown) => {
        this.#rest(deaths + 1, 0, `could not be started: ${messageOf(thrown)}`)
        return undefined
      },
    )
    this.#state = { phase: 'launching', launched }
  }

  #launched(child: Child, deaths: number): void {
    // Then `stop` ends it.
    if (this.#state.phase === 'stopped') return
    this.#state = { phase: 'alive', child, deaths, sinceMs: this.#world.clock.nowMs() }
    void child.ready.then(ready => {
      this.#everReady = true
      this.#options.onReady?.(ready)
      this.#firstReady.resolve(ready)
    })
    void child.exited.then(exit => this.#died(child, exit))
  }

  #died(child: Child, exit: Exit): void {
    const state = this.#state
    if (state.phase !== 'alive' || state.child !== child) return
    // What it leaves behind would hold its port.
    child.signal('SIGKILL')
    this.#options.onGone?.(child.pid)
    if (this.#options.onEnd !== undefined) {
      this.#state = { phase: 'stopped', ending: undefined }
      this.#options.onEnd(exit)
      return
    }
    const livedMs = this.#world.clock.nowMs() - state.sinceMs
    this.#rest(deathsInARow(state.deaths, livedMs), livedMs, `ended (${exitText(exit)})`)
  }

  #rest(deaths: number, livedMs: number, what: string): void {
    if (this.#state.phase === 'stopped') return
    if (this.#options.mustStart === true && !this.#everReady) {
      this.#state = { phase: 'stopped', ending: undefined }
      this.#firstReady.reject(new Error(`${this.#options.name} ${what}`))
      return
    }
    const ms = restMs(deaths, livedMs)
    this.#options.tell(`${this.#options.name} ${what}; it starts again in ${ms} ms`)
    this.#state = { phase: 'resting', timer: this.#world.after(ms, () => this.#launch(deaths)) }
  }

  async #end(child: Child, graceMs: number): Promise<void> {
    child.signal('SIGTERM')
    const deadlineMs = this.#world.clock.nowMs() + graceMs
    const timer = this.#world.after(graceMs, () => child.signal('SIGKILL'))
    await child.exited
    while (child.alive() && this.#world.clock.nowMs() < deadlineMs + KILLED_MS) {
      if (this.#world.clock.nowMs() >= deadlineMs) child.signal('SIGKILL')
      await new Promise<void>(resolve => this.#world.after(GROUP_POLL_MS, resolve))
    }
    timer.cancel()
    this.#options.onGone?.(child.pid)
  }
}

function exitText(exit: Exit): string {
  return exit.signal === null ? `exit status ${exit.code}` : `killed by ${exit.signal}`
}
