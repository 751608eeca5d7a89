import { err, ok, type Result } from '../../common/mod.ts'
import type { AuditLog, AuditRecord } from '../store/mod.ts'
import { checkQuery, wholeNumber } from './query.ts'
import type { ApiAnswer, ApiCall, Route } from './router.ts'
import { NO_CONTINUE, type Refusal } from './status.ts'

const LIMIT_DEFAULT = 100
/** Each record may hold two contents of a resource. */
const LIMIT_MAX = 1_000
const SUBJECT_CHARACTERS_MAX = 1_000

/** Who did what, when, with what was before and after: the newest first. */
export function auditRoutes(audit: AuditLog): Route[] {
  return [{ method: 'GET', path: '/apis/selvedge.dev/v1/audit', answer: call => read(audit, call) }]
}

async function read(audit: AuditLog, call: ApiCall): Promise<Result<ApiAnswer, Refusal>> {
  const query = checkQuery(call.query, ['limit', 'continue', 'subject', 'revision'])
  if (!query.ok) return query
  const limit = wholeNumber(call.query, 'limit', { min: 1, max: LIMIT_MAX, fallback: LIMIT_DEFAULT })
  if (!limit.ok) return limit
  const revision = wholeNumber(call.query, 'revision', { min: 0, max: Number.MAX_SAFE_INTEGER, fallback: -1 })
  if (!revision.ok) return revision
  const from = call.query.get('continue') ?? ''
  if (from !== '' && !/^[0-9]{1,15}$/.test(from)) return err(NO_CONTINUE)
  const subject = call.query.get('subject')?.slice(0, SUBJECT_CHARACTERS_MAX)
  // One more than is shown tells whether there are more.
  const records = await audit.list(limit.value + 1, {
    beforeId: from === '' ? undefined : Number(from),
    subject,
    revision: revision.value === -1 ? undefined : revision.value,
  })
  const items = records.slice(0, limit.value)
  const metadata = records.length > items.length ? { continue: String(items.at(-1)?.id) } : {}
  return ok({ code: 200, value: { kind: 'AuditList', metadata, items: items.map(shown) } })
}

function shown({ atMs, before, after, ...record }: AuditRecord): object {
  return { ...record, at: new Date(atMs).toISOString(), before: before ?? null, after: after ?? null }
}
