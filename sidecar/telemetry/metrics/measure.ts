import type { Exchange, Filter } from '../../http/mod.ts'
import type { Meter } from './meter.ts'

/** Counts each exchange when it ends. `meterOf` finds the cells; it runs once for each request and must be a look-up. */
export function measure(nowMs: () => number, meterOf: (x: Exchange) => Meter): Filter {
  return {
    name: 'measure',
    end: x => {
      const meter = meterOf(x)
      meter.record(x.status, x.facts.cause, nowMs() - x.startMs, x.requestBytes, x.answerBytes)
      if (x.facts.attempts > 1) meter.retries += x.facts.attempts - 1
    },
  }
}
