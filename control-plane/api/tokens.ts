import { err, ok, parseServiceKey, type Result } from '../../common/mod.ts'
import type { AuditLog } from '../store/mod.ts'
import { parseObject } from './body.ts'
import { checkQuery } from './query.ts'
import type { ApiAnswer, ApiCall, Route } from './router.ts'
import type { Refusal } from './status.ts'

/** A join token without its secret. */
export interface JoinTokenView {
  readonly id: string
  /** `namespace/name` */
  readonly serviceAccount: string
  readonly usesLeft: number
  /** Unix time in milliseconds. */
  readonly createdMs: number
  readonly expiresMs: number
}

/** Makes join tokens, knows those that hold, and takes them back. The error is a sentence for whoever asked. */
export interface TokenIssuer {
  /** Those that still admit somebody, the oldest first. */
  list(): Promise<readonly JoinTokenView[]>
  /** From now on it admits nobody. `undefined`: none that holds has this id. */
  revoke(id: string): Promise<JoinTokenView | undefined>
  issue(wish: {
    readonly namespace: string
    readonly serviceAccount: string
    readonly uses?: number
    readonly ttlMs?: number
  }): Promise<Result<{ readonly id: string; readonly text: string; readonly expiresMs: number }, string>>
}

const PATH = '/apis/selvedge.dev/v1/tokens'
const FIELDS = ['serviceAccount', 'uses', 'ttlMs']

export function tokenRoutes(issuer: TokenIssuer, audit: AuditLog): Route[] {
  return [
    { method: 'POST', path: PATH, answer: call => createToken(issuer, audit, call) },
    { method: 'GET', path: PATH, answer: call => listTokens(issuer, call) },
    { method: 'DELETE', path: `${PATH}/:id`, answer: call => revokeToken(issuer, audit, call) },
  ]
}

async function createToken(issuer: TokenIssuer, audit: AuditLog, call: ApiCall): Promise<Result<ApiAnswer, Refusal>> {
  const query = checkQuery(call.query, [])
  if (!query.ok) return query
  const text = await call.body()
  if (!text.ok) return text
  const body = parseObject(text.value)
  if (!body.ok) return body
  const { serviceAccount, uses, ttlMs } = body.value
  const unknown = Object.keys(body.value).find(field => !FIELDS.includes(field))
  if (unknown !== undefined) return err(wrong(`"${unknown.slice(0, 100)}" is unknown; known are ${FIELDS.join(', ')}`))
  const named = typeof serviceAccount === 'string' ? parseServiceKey(serviceAccount) : undefined
  if (named?.ok !== true) return err(wrong('"serviceAccount" must be namespace/name, as in bookshop/reviews'))
  if (uses !== undefined && typeof uses !== 'number') return err(wrong('"uses" must be a number'))
  if (ttlMs !== undefined && typeof ttlMs !== 'number') return err(wrong('"ttlMs" must be a number of milliseconds'))
  const [namespace = '', name = ''] = named.value.split('/')
  const issued = await issuer.issue({
    namespace,
    serviceAccount: name,
    ...(uses === undefined ? {} : { uses }),
    ...(ttlMs === undefined ? {} : { ttlMs }),
  })
  if (!issued.ok) return err({ code: 422, message: issued.error })
  const { id, text: token, expiresMs } = issued.value
  await audit.record({ actor: call.actor, action: 'token-created', subject: `${id} for ${named.value}` })
  return ok({ code: 201, value: { id, token, expires: new Date(expiresMs).toISOString() } })
}

async function listTokens(issuer: TokenIssuer, call: ApiCall): Promise<Result<ApiAnswer, Refusal>> {
  const query = checkQuery(call.query, [])
  return query.ok ? ok({ code: 200, value: { tokens: (await issuer.list()).map(shown) } }) : query
}

async function revokeToken(issuer: TokenIssuer, audit: AuditLog, call: ApiCall): Promise<Result<ApiAnswer, Refusal>> {
  const query = checkQuery(call.query, [])
  if (!query.ok) return query
  const { id = '' } = call.params
  const revoked = await issuer.revoke(id)
  if (revoked === undefined) {
    const message = `Cannot revoke the join token ${id.slice(0, 50)}: there is none that holds. See which there are with "selvedge token list".`
    return err({ code: 404, message })
  }
  await audit.record({
    actor: call.actor,
    action: 'token-revoked',
    subject: `${revoked.id} for ${revoked.serviceAccount}`,
  })
  return ok({ code: 200, value: shown(revoked) })
}

function shown({ id, serviceAccount, usesLeft, createdMs, expiresMs }: JoinTokenView) {
  return {
    ...{ id, serviceAccount, usesLeft },
    ...{ created: new Date(createdMs).toISOString(), expires: new Date(expiresMs).toISOString() },
  }
}

function wrong(state: string): Refusal {
  return { code: 400, message: `Cannot make the token: ${state}.` }
}
