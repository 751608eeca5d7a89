import type { SnapshotUpdate } from '../../model/snapshot/mod.ts'
import type { PolicySource } from '../policy/source.ts'

/**
 * A source whose updates go on to the workers when they have been found good here. `relay` resolves when the last of them has put the
 * update in force; who asks whether it holds everywhere waits for that.
 */
export function relayedSource(source: PolicySource, relay: (update: SnapshotUpdate) => Promise<void>): PolicySource {
  return {
    start(sink) {
      let settling: Promise<void> | undefined
      source.start({
        apply(update) {
          const applied = sink.apply(update)
          if (!applied.ok) return applied
          const before = settling
          const now: Promise<void> = Promise.all([before, relay(update)]).then(() => {
            if (settling === now) settling = undefined
          })
          settling = now
          return applied
        },
        settling: () => settling,
      })
    },
    want: service => source.want(service),
    ...(source.forget === undefined ? {} : { forget: source.forget.bind(source) }),
    ...(source.findOwner === undefined ? {} : { findOwner: source.findOwner.bind(source) }),
    connected: () => source.connected(),
    close: () => source.close(),
  }
}
