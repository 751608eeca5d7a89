import { type Exchange, type Filter, isBytes } from '../../http/mod.ts'
import type { Meter } from './meter.ts'

/** Counts each exchange when it ends. `meterOf` finds the cells; it runs once for each request and must be a look-up. */
export function measure(nowMs: () => number, meterOf: (x: Exchange) => Meter): Filter {
  return {
    name: 'measure',
    response: x => {
      if (isBytes(x.request)) x.openedMs = nowMs()
    },
    end: x => {
      // Only a way for others, or a guess.
      if (x.moot !== undefined) return
      const meter = meterOf(x)
      // Of bytes, how long it took until they could pass: how long they do is theirs.
      const endMs = x.openedMs === 0 ? nowMs() : x.openedMs
      const { cause, grpcStatus } = x.facts
      meter.record(x.status, cause, endMs - x.startMs, x.requestBytes, x.answerBytes, grpcStatus)
      if (x.facts.attempts > 1) meter.retries += x.facts.attempts - 1
    },
  }
}
