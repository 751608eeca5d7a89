import { ok } from '../../common/mod.ts'
import { checkQuery, wholeNumber } from './query.ts'
import type { FleetReader } from './readers.ts'
import type { Route } from './router.ts'

/** Longer than anybody waits for a push; a caller that wants to wait longer asks again. */
const WAIT_MS_MAX = 120_000
const WAIT_MS_DEFAULT = 10_000

/** Who is connected, and when a revision has arrived everywhere. */
export function fleetRoutes(fleet: FleetReader, newestRevision: () => number): Route[] {
  return [
    {
      method: 'GET',
      path: '/apis/selvedge.dev/v1/fleet',
      answer: async call => {
        const query = checkQuery(call.query, [])
        return query.ok ? ok({ code: 200, value: fleet.fleet() }) : query
      },
    },
    {
      method: 'GET',
      path: '/apis/selvedge.dev/v1/fleet/wait',
      answer: async call => {
        const query = checkQuery(call.query, ['revision', 'timeoutMs'])
        if (!query.ok) return query
        const newest = newestRevision()
        const revision = wholeNumber(call.query, 'revision', { min: 0, max: newest, fallback: newest })
        if (!revision.ok) return revision
        const bounds = { min: 0, max: WAIT_MS_MAX, fallback: WAIT_MS_DEFAULT }
        const timeoutMs = wholeNumber(call.query, 'timeoutMs', bounds)
        if (!timeoutMs.ok) return timeoutMs
        return ok({ code: 200, value: await fleet.wait(revision.value, timeoutMs.value, call.signal) })
      },
    },
  ]
}
