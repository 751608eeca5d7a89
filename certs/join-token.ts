import { err, ok, type Result } from '../common/mod.ts'

/** What a join token's text carries: a name, a secret, and the root to trust from the first connection on. */
export interface JoinToken {
  /** Public: names the token in lists and logs. */
  readonly id: string
  /** 32 random bytes. */
  readonly secret: Buffer
  /** SHA-256 of the root's public key info, hex; see `spkiSha256`. */
  readonly caPin: string
}

export const JOIN_TOKEN_SECRET_BYTES = 32
const PREFIX = 'selvedge-join.'
/** One of ours has 240 characters. */
const CHARACTERS_MAX = 1024
const BASE64URL = /^[A-Za-z0-9_-]+$/
const ID = /^[a-z0-9]{1,64}$/
const PIN = /^[0-9a-f]{64}$/
const REFUSED = 'Cannot read the join token: copy it whole, from "selvedge-join." on'

export function formatJoinToken(token: JoinToken): string {
  const json = JSON.stringify({ id: token.id, secret: token.secret.toString('base64url'), pin: token.caPin })
  return PREFIX + Buffer.from(json).toString('base64url')
}

/** Reads the text form. The error never repeats the text: it may be a secret with a slip of the pen. Never throws. */
export function parseJoinToken(text: string): Result<JoinToken, string> {
  const body = text.slice(PREFIX.length)
  if (text.length > CHARACTERS_MAX || !text.startsWith(PREFIX) || !BASE64URL.test(body)) return err(REFUSED)
  let parsed: unknown
  try {
    parsed = JSON.parse(Buffer.from(body, 'base64url').toString('utf8'))
  } catch {
    return err(REFUSED)
  }
  if (typeof parsed !== 'object' || parsed === null) return err(REFUSED)
  const { id, secret, pin } = parsed as { readonly id?: unknown; readonly secret?: unknown; readonly pin?: unknown }
  if (typeof id !== 'string' || typeof secret !== 'string' || typeof pin !== 'string') return err(REFUSED)
  const secretBytes = Buffer.from(secret, 'base64url')
  if (!ID.test(id) || !PIN.test(pin) || secretBytes.length !== JOIN_TOKEN_SECRET_BYTES) return err(REFUSED)
  return ok({ id, secret: secretBytes, caPin: pin })
}
