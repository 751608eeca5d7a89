import { ok } from '../../common/mod.ts'
import type { AuditLog } from '../store/mod.ts'
import { checkQuery } from './query.ts'
import type { GuardReader } from './readers.ts'
import type { Route } from './router.ts'

const PATH = '/apis/selvedge.dev/v1/guard'

/** What is held back from sidecars because it vanished though nobody deleted it; and its release, which is a write. */
export function guardRoutes(guard: GuardReader, audit: AuditLog): Route[] {
  return [
    {
      method: 'GET',
      path: PATH,
      answer: async call => {
        const query = checkQuery(call.query, [])
        return query.ok ? ok({ code: 200, value: { alarms: guard.alarms() } }) : query
      },
    },
    {
      method: 'POST',
      path: `${PATH}/release`,
      answer: async call => {
        const query = checkQuery(call.query, [])
        if (!query.ok) return query
        const released = guard.alarms()
        if (guard.release()) {
          const subject = released.map(({ reason, count }) => `${reason} ${count}`).join(', ')
          await audit.record({ actor: call.actor, action: 'guard-released', subject })
        }
        return ok({ code: 200, value: { released } })
      },
    },
  ]
}
