import type { Filter } from '../http/mod.ts'

/** Refuses what still comes when callers have had the time to hear that we end. They know the cause, and try elsewhere: nothing has been done yet. */
export function refuseWhenDraining(refusing: () => boolean): Filter {
  return {
    name: 'drain',
    request: x => {
      if (!refusing()) return 'next'
      x.fail('draining', 'this sidecar is about to end')
      return 'done'
    },
  }
}
