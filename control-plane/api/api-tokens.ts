import { err, ok, type Result } from '../../common/mod.ts'
import type { ApiTokenRecord, AuditLog } from '../store/mod.ts'
import type { Access, ApiRole } from './access.ts'
import { parseObject } from './body.ts'
import { checkQuery } from './query.ts'
import type { ApiAnswer, ApiCall, Route } from './router.ts'
import type { Refusal } from './status.ts'

const PATH = '/apis/selvedge.dev/v1/apitokens'
const FIELDS = ['name', 'role', 'ttlMs']

/** Tokens for the API itself: made, listed (without their secrets) and revoked. */
export function apiTokenRoutes(access: Access, audit: AuditLog): Route[] {
  return [
    { method: 'POST', path: PATH, answer: call => create(access, audit, call) },
    { method: 'GET', path: PATH, answer: call => list(access, call) },
    { method: 'DELETE', path: `${PATH}/:id`, answer: call => revoke(access, audit, call) },
  ]
}

async function create(access: Access, audit: AuditLog, call: ApiCall): Promise<Result<ApiAnswer, Refusal>> {
  const query = checkQuery(call.query, [])
  if (!query.ok) return query
  const text = await call.body()
  if (!text.ok) return text
  const body = parseObject(text.value)
  if (!body.ok) return body
  const { name, role, ttlMs } = body.value
  const unknown = Object.keys(body.value).find(field => !FIELDS.includes(field))
  if (unknown !== undefined) return err(wrong(`"${unknown.slice(0, 100)}" is unknown; known are ${FIELDS.join(', ')}`))
  if (typeof name !== 'string') return err(wrong('"name" must say whose it is'))
  if (!isRole(role)) return err(wrong('"role" must be read or write'))
  if (ttlMs !== undefined && typeof ttlMs !== 'number') return err(wrong('"ttlMs" must be a number of milliseconds'))
  const issued = await access.issue({ name, role, ...(ttlMs === undefined ? {} : { lifeMs: ttlMs }) })
  if (!issued.ok) return err({ code: 422, message: issued.error })
  const { token, record } = issued.value
  await audit.record({ actor: call.actor, action: 'api-token-created', subject: subjectOf(record) })
  return ok({ code: 201, value: { token, ...shown(record) } })
}

async function list(access: Access, call: ApiCall): Promise<Result<ApiAnswer, Refusal>> {
  const query = checkQuery(call.query, [])
  return query.ok ? ok({ code: 200, value: { tokens: (await access.list()).map(shown) } }) : query
}

async function revoke(access: Access, audit: AuditLog, call: ApiCall): Promise<Result<ApiAnswer, Refusal>> {
  const query = checkQuery(call.query, [])
  if (!query.ok) return query
  const { id = '' } = call.params
  const revoked = await access.revoke(id)
  if (revoked === undefined) {
    const message = `Cannot revoke the token ${id.slice(0, 50)}: there is none. See which there are with "selvedge token list".`
    return err({ code: 404, message })
  }
  await audit.record({ actor: call.actor, action: 'api-token-revoked', subject: subjectOf(revoked) })
  return ok({ code: 200, value: shown(revoked) })
}

function shown({ id, name, role, createdMs, expiresMs }: ApiTokenRecord) {
  return { id, name, role, created: new Date(createdMs).toISOString(), expires: new Date(expiresMs).toISOString() }
}

function subjectOf({ id, name, role }: ApiTokenRecord): string {
  return `${id} (${name}, ${role})`
}

function isRole(value: unknown): value is ApiRole {
  return value === 'read' || value === 'write'
}

function wrong(state: string): Refusal {
  return { code: 400, message: `Cannot make the token: ${state}.` }
}
