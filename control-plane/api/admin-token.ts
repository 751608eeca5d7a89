import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { err, ok, type Result } from '../../common/mod.ts'

export const ADMIN_TOKEN_FILE = 'admin.token'

const TOKEN_BYTES = 32
/** Shorter is a file that was cut, or a secret that somebody thought up. */
const TOKEN_CHARACTERS_MIN = 32
const GROUP_AND_OTHERS = 0o077

/** The bearer token in `dataDir`; made on the first start (256 bits, in a file of mode 0600). */
export function loadAdminToken(dataDir: string): Result<string, string> {
  const path = join(dataDir, ADMIN_TOKEN_FILE)
  try {
    if (!existsSync(path)) {
      writeFileSync(path, `${randomBytes(TOKEN_BYTES).toString('base64url')}\n`, {
        mode: 0o600,
        flag: 'wx',
        flush: true,
      })
    }
    if ((statSync(path).mode & GROUP_AND_OTHERS) !== 0) {
      return err(`Cannot use ${path}: others can read it. Run chmod 600 on it, or delete it to get a new token.`)
    }
    const token = readFileSync(path, 'utf8').trim()
    if (token.length >= TOKEN_CHARACTERS_MIN) return ok(token)
    return err(`Cannot use ${path}: it holds no token. Delete it to get a new one.`)
  } catch (error) {
    return err(`Cannot use ${path}: ${error instanceof Error ? error.message : String(error)}.`)
  }
}

/** Whether an `Authorization` header bears the token. Takes the same time whatever it holds. */
export function bearerCheck(token: string): (authorization: string | undefined) => boolean {
  const expected = digest(token)
  return authorization => {
    return timingSafeEqual(digest(bearerOf(authorization)), expected)
  }
}

/** The token in an `Authorization` header (RFC 6750, 2.1); empty where there is none. */
export function bearerOf(authorization: string | undefined): string {
  return /^bearer +([\x21-\x7e]+)$/i.exec(authorization ?? '')?.[1] ?? ''
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
