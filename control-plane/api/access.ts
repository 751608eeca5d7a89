import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { type Clock, err, ok, type Result } from '../../common/mod.ts'
import type { ApiTokenRecord, ApiTokenRecords } from '../store/mod.ts'
import { bearerCheck, bearerOf } from './admin-token.ts'

/** Who calls, and what they may do. */
export interface Caller {
  /** For the audit log: `admin`, or `token alice`. */
  readonly actor: string
  readonly role: ApiRole
  /** Ends when the token does: it is revoked, or over. `undefined`: it never ends while we live. */
  readonly token?: { readonly id: string; readonly expiresMs: number }
}

/** `read` may look at everything and change nothing. */
export type ApiRole = ApiTokenRecord['role']

/** Makes tokens for the API, and knows whose token a call bears. */
export interface Access {
  /** `undefined`: nobody's. */
  callerOf(authorization: string | undefined): Promise<Caller | undefined>
  /** Calls `ended` once the caller's token holds no longer: what it began must not go on. Returns the function that forgets it. */
  onEnd(caller: Caller, ended: () => void): () => void
  /** The error is a sentence. The token is in the answer, and nowhere else: what is kept is its hash. */
  issue(wish: ApiTokenWish): Promise<Result<{ readonly token: string; readonly record: ApiTokenRecord }, string>>
  list(): Promise<readonly ApiTokenRecord[]>
  /** The token that no longer holds; `undefined` when there is none of this id. */
  revoke(id: string): Promise<ApiTokenRecord | undefined>
}

export interface ApiTokenWish {
  /** Whose it is. */
  readonly name: string
  readonly role: ApiRole
  /** Milliseconds. @default 30 days */
  readonly lifeMs?: number
}

const ID_BYTES = 6
const SECRET_BYTES = 32
const LIFE_MS_DEFAULT = 30 * 86_400_000
const LIFE_MS_MIN = 1_000
/** Whoever needs longer makes another: a token that is forgotten must end one day. */
const LIFE_MS_MAX = 366 * 86_400_000
/** People and programs that use one mesh. What has expired does not count. */
const TOKENS_MAX = 1_000
/** No call lasts as long as this: a token that holds longer ends none by its time. (Timers take 24 days at most.) */
const CALL_MS_MAX = 86_400_000
const NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._@-]{0,62}[A-Za-z0-9])?$/
const TOKEN = /^selvedge-api\.([0-9a-f]{12})\.([A-Za-z0-9_-]{43})$/

/** `adminToken` opens everything, for as long as its file is there. */
export function openAccess(adminToken: string, records: ApiTokenRecords, clock: Clock): Access {
  const isAdmin = bearerCheck(adminToken)
  /** Calls under way, by the id of their token. */
  const calls = new Map<string, Set<() => void>>()
  return {
    async callerOf(authorization) {
      if (isAdmin(authorization)) return { actor: 'admin', role: 'write' }
      const [, id, secret] = TOKEN.exec(bearerOf(authorization)) ?? []
      if (id === undefined || secret === undefined) return undefined
      const record = await records.find(id)
      if (record === undefined || record.expiresMs <= clock.wallMs()) return undefined
      if (!timingSafeEqual(Buffer.from(sha256(secret)), Buffer.from(record.secretSha256))) return undefined
      return { actor: `token ${record.name}`, role: record.role, token: { id, expiresMs: record.expiresMs } }
    },
    onEnd({ token }, ended) {
      if (token === undefined) return () => {}
      const { id, expiresMs } = token
      const leftMs = Math.max(0, expiresMs - clock.wallMs())
      const timer = leftMs < CALL_MS_MAX ? setTimeout(ended, leftMs).unref() : undefined
      const ofToken = calls.get(id) ?? new Set()
      calls.set(id, ofToken.add(ended))
      return () => {
        clearTimeout(timer)
        ofToken.delete(ended)
        if (ofToken.size === 0 && calls.get(id) === ofToken) calls.delete(id)
      }
    },
    async issue({ name, role, lifeMs = LIFE_MS_DEFAULT }) {
      if (!NAME.test(name)) {
        return err('Cannot make the token: its name must be 1 to 64 of A-Z, a-z, 0-9, ".", "_", "@" and "-".')
      }
      if (!(lifeMs >= LIFE_MS_MIN && lifeMs <= LIFE_MS_MAX)) {
        return err('Cannot make the token: it must hold for one second at least, and for 366 days at most.')
      }
      const nowMs = clock.wallMs()
      const held = await records.list()
      for (const { id, expiresMs } of held) if (expiresMs <= nowMs) await records.remove(id)
      if (held.filter(({ expiresMs }) => expiresMs > nowMs).length >= TOKENS_MAX) {
        return err(`Cannot make the token: there are ${TOKENS_MAX} already. Revoke one with "selvedge token revoke".`)
      }
      const [id, secret] = [randomBytes(ID_BYTES).toString('hex'), randomBytes(SECRET_BYTES).toString('base64url')]
      const times = { createdMs: Math.round(nowMs), expiresMs: Math.round(nowMs + lifeMs) }
      const record: ApiTokenRecord = { id, name, role, secretSha256: sha256(secret), ...times }
      await records.insert(record)
      return ok({ token: `selvedge-api.${id}.${secret}`, record })
    },
    async list() {
      return (await records.list()).filter(({ expiresMs }) => expiresMs > clock.wallMs())
    },
    async revoke(id) {
      const record = await records.find(id)
      if (record === undefined) return undefined
      await records.remove(id)
      for (const ended of [...(calls.get(id) ?? [])]) ended()
      return record
    },
  }
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
