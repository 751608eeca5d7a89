import { type Clock, systemClock } from '../../common/mod.ts'
import type { Cli } from '../cli.ts'
import { UnreachableFailure } from '../rest/mod.ts'

/** A control plane that restarts is back within seconds; one that is away for so long is not waited for. */
const AWAY_MS_MAX = 60_000

/** What commands have that show something until their user has seen enough: a control plane that is away for a moment ends none of them. */
export interface Patience {
  /** It has answered. */
  answered(): void
  /** Throws what it is handed, unless it is an absence that may pass: that is told once. */
  failed(thrown: unknown): void
}

export function patienceOf({ terminal }: Pick<Cli, 'terminal'>, clock: Pick<Clock, 'nowMs'> = systemClock): Patience {
  let state: 'new' | 'there' | { readonly awaySinceMs: number } = 'new'
  return {
    answered() {
      if (typeof state === 'object') terminal.err('The control plane is back\n')
      state = 'there'
    },
    failed(thrown) {
      if (!(thrown instanceof UnreachableFailure) || state === 'new') throw thrown
      if (state === 'there') {
        state = { awaySinceMs: clock.nowMs() }
        terminal.err(`${thrown.message}. Trying again\n`)
      } else if (clock.nowMs() - state.awaySinceMs >= AWAY_MS_MAX) throw thrown
    },
  }
}
