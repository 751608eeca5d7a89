import type { Clock } from '../../common/mod.ts'
import { createPushSchedule } from './push-schedule.ts'

/** Sidecars that are looked at in one turn of the event loop, so that reading isn't held up by thousands. */
const SLICE = 100

/** Whoever is looked at when the mesh has changed. */
export interface Pushed {
  changed(): void
}

/** Tells all members of a changing group that the mesh has changed: debounced, and a slice at a time. */
export interface Pusher {
  changed(): void
  close(): void
}

/** `members` is read when a push begins; who has left it by the time of its turn is told in vain, and must bear that. */
export function createPusher(clock: Clock, members: () => Iterable<Pushed>): Pusher {
  /** Who is still to be looked at, in order, and nobody twice. */
  const due = new Set<Pushed>()
  let turn: NodeJS.Immediate | undefined
  const schedule = createPushSchedule(clock, () => {
    for (const member of members()) due.add(member)
    turn ??= setImmediate(pushSlice)
  })

  function pushSlice(): void {
    turn = undefined
    let looked = 0
    for (const member of due) {
      if (looked === SLICE) {
        turn = setImmediate(pushSlice)
        return
      }
      due.delete(member)
      member.changed()
      looked++
    }
  }

  return {
    changed: () => schedule.changed(),
    close() {
      schedule.close()
      clearImmediate(turn)
      due.clear()
    },
  }
}
