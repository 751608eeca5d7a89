import { randomBytes, timingSafeEqual } from 'node:crypto'
import { join } from 'node:path'
import { makeFolder, writePrivateFile } from '../../common/folders/mod.ts'
import { err, type Result } from '../../common/mod.ts'

/** The file in the state folder that says where the admin port is, and with which token it can be told to do something. */
export const ADMIN_FILE = 'admin.json'

const TOKEN_BYTES = 24

/**
 * Who may change anything through the admin port. Any program on the machine reaches it, the application first of all (AUTHZ-14): looking is free,
 * while doing takes a token that only this sidecar's own user can read.
 */
export class AdminAccess {
  private readonly token = randomBytes(TOKEN_BYTES).toString('base64url')

  /** Whether a request that carries this `Authorization` may. */
  admits(authorization: string | undefined): boolean {
    const given = Buffer.from(authorization ?? '')
    const wanted = Buffer.from(`Bearer ${this.token}`)
    return given.length === wanted.length && timingSafeEqual(given, wanted)
  }

  /** Leaves the token where the same user's programs find it. `address` is `host:port`. */
  async leave(stateDir: string, address: string): Promise<Result<void, string>> {
    try {
      makeFolder(stateDir)
    } catch (error) {
      return err(error instanceof Error ? error.message : String(error))
    }
    const text = `${JSON.stringify({ address, token: this.token, pid: process.pid }, undefined, 2)}\n`
    return writePrivateFile(join(stateDir, ADMIN_FILE), [text])
  }
}
