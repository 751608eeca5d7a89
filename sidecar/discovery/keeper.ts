import { join } from 'node:path'
import type { Clock, Result, WorkloadKey } from '../../common/mod.ts'
import {
  type Holdings,
  LAST_KNOWN_GOOD_FILE,
  type LastKnownGood,
  readLastKnownGood,
  writeLastKnownGood,
} from './last-known-good.ts'

/** After a change, so that what comes together is written once. */
const QUIET_MS = 200
/** Between two writings, however much changes; a killed sidecar forgets what came later, and is told again. */
const REST_MS = 2_000
/** What writing takes may be at most this part of the time. */
const REST_SHARE = 20

/** Keeps on disk what a sidecar holds, for its next life. */
export interface Keeper {
  /** What the former life has left; `undefined` where there is nothing that can be used. */
  restored(): LastKnownGood | undefined
  /** Something has changed. Written soon, and for many changes once. */
  changed(): void
  /** Writes what is not written yet. */
  close(): Promise<void>
}

export interface KeeperOptions {
  readonly stateDir: string
  readonly workload: WorkloadKey
  readonly clock: Clock
  readonly log: (fields: Readonly<Record<string, unknown>>, message: string) => void
}

/** `holdings` is asked at the moment of writing. */
export function createKeeper(options: KeeperOptions, holdings: () => Holdings): Keeper {
  const { stateDir, workload, clock, log } = options
  const path = join(stateDir, LAST_KNOWN_GOOD_FILE)
  let timer: NodeJS.Timeout | undefined
  let writing: Promise<void> | undefined
  let dirty = false
  let restUntilMs = 0
  let complained = ''

  function complain(result: Result<unknown, string>): void {
    const error = result.ok ? '' : result.error
    if (error !== '' && error !== complained)
      log({}, `${error}; a restart without the control plane would have no policy`)
    complained = error
  }

  async function write(): Promise<void> {
    dirty = false
    const beganMs = clock.nowMs()
    complain(await writeLastKnownGood(path, holdings(), clock.wallMs()))
    const tookMs = clock.nowMs() - beganMs
    restUntilMs = clock.nowMs() + Math.max(REST_MS, tookMs * REST_SHARE)
  }

  function begin(): void {
    timer = undefined
    writing = write().then(() => {
      writing = undefined
      if (dirty) schedule()
    })
  }

  function schedule(): void {
    if (timer !== undefined || writing !== undefined) return
    timer = setTimeout(begin, Math.max(QUIET_MS, restUntilMs - clock.nowMs()))
    timer.unref()
  }

  return {
    restored() {
      const read = readLastKnownGood(path, workload)
      if (!read.ok) log({}, `${read.error}; it begins with nothing`)
      return read.ok ? read.value : undefined
    },
    changed() {
      dirty = true
      schedule()
    },
    async close() {
      clearTimeout(timer)
      await writing
      clearTimeout(timer)
      if (dirty) await write()
    },
  }
}
