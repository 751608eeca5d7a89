import { ok } from '../../common/mod.ts'
import { checkQuery, wholeNumber } from './query.ts'
import type { GraphReader } from './readers.ts'
import type { Route } from './router.ts'

const WINDOW_MS_DEFAULT = 10_000
/** A day: what the window really holds, the answer says. */
const WINDOW_MS_MAX = 86_400_000

/** Who calls whom, over a window of time. */
export function graphRoutes(graph: GraphReader): Route[] {
  return [
    {
      method: 'GET',
      path: '/apis/selvedge.dev/v1/graph',
      answer: async call => {
        const query = checkQuery(call.query, ['windowMs'])
        if (!query.ok) return query
        const bounds = { min: 0, max: WINDOW_MS_MAX, fallback: WINDOW_MS_DEFAULT }
        const windowMs = wholeNumber(call.query, 'windowMs', bounds)
        return windowMs.ok ? ok({ code: 200, value: graph.graph(windowMs.value) }) : windowMs
      },
    },
  ]
}
