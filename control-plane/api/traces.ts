import { err, ok } from '../../common/mod.ts'
import { checkQuery, wholeNumber, yesOrNo } from './query.ts'
import type { TraceReader } from './readers.ts'
import type { Route } from './router.ts'

const LIMIT_DEFAULT = 20
const LIMIT_MAX = 1_000

/** Requests across all sidecars: a list, or one with its spans. */
export function traceRoutes(traces: TraceReader): Route[] {
  return [
    {
      method: 'GET',
      path: '/apis/selvedge.dev/v1/traces',
      answer: async call => {
        const query = checkQuery(call.query, ['slow', 'limit'])
        if (!query.ok) return query
        const slow = yesOrNo(call.query, 'slow')
        if (!slow.ok) return slow
        const limit = wholeNumber(call.query, 'limit', { min: 1, max: LIMIT_MAX, fallback: LIMIT_DEFAULT })
        return limit.ok ? ok({ code: 200, value: traces.traces({ slow: slow.value, limit: limit.value }) }) : limit
      },
    },
    {
      method: 'GET',
      path: '/apis/selvedge.dev/v1/traces/:id',
      answer: async call => {
        const query = checkQuery(call.query, [])
        if (!query.ok) return query
        const id = (call.params.id ?? '').toLowerCase()
        if (!/^[0-9a-f]{32}$/.test(id)) {
          return err({ code: 400, message: 'Cannot read the trace: its id must be 32 hex digits.' })
        }
        const trace = traces.trace(id)
        if (trace !== undefined) return ok({ code: 200, value: trace })
        const message = `Cannot read the trace ${id}: it was not sampled, or is too old. See which are kept with "selvedge trace --slow".`
        return err({ code: 404, message })
      },
    },
  ]
}
