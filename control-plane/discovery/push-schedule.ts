import type { Clock } from '../../common/mod.ts'

/** After the last change, a push waits this long for more, so that what is applied together is seen together. */
const QUIET_MS = 20
/** Under changes without a pause, a push waits no longer than this. */
const DELAY_MAX_MS = 200

/** When to push: soon after the mesh has changed, and once for many changes. */
export interface PushSchedule {
  /** The mesh has changed. */
  changed(): void
  close(): void
}

export function createPushSchedule(clock: Clock, push: () => void): PushSchedule {
  let state: { kind: 'idle' } | { kind: 'due'; timer: NodeJS.Timeout; readonly latestMs: number } = { kind: 'idle' }

  function fire(): void {
    state = { kind: 'idle' }
    push()
  }

  return {
    changed() {
      const nowMs = clock.nowMs()
      const latestMs = state.kind === 'due' ? state.latestMs : nowMs + DELAY_MAX_MS
      if (state.kind === 'due') clearTimeout(state.timer)
      state = { kind: 'due', timer: setTimeout(fire, Math.min(QUIET_MS, Math.max(0, latestMs - nowMs))), latestMs }
    },
    close() {
      if (state.kind === 'due') clearTimeout(state.timer)
      state = { kind: 'idle' }
    },
  }
}
