import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { CONTROL_PLANE, formatJoinToken, JOIN_TOKEN_SECRET_BYTES, parseJoinToken } from '../../certs/mod.ts'
import { type Clock, err, isDnsLabel, ok, type Result } from '../../common/mod.ts'
import type { JoinTokenRecord, TokenRecords } from './token-records.ts'

export interface NewJoinToken {
  /** The one identity that the token admits; both are DNS labels. */
  readonly namespace: string
  readonly serviceAccount: string
  /** SHA-256 of the root's public key info, hex. */
  readonly caPin: string
  /**
   * From 1 s to 365 days.
   * @default 1 hour
   */
  readonly lifeMs?: number
  /**
   * How many sidecars may enrol with it, 1 to 10,000.
   * @default 1
   */
  readonly uses?: number
}

/** A caller that has shown a good token. */
export interface Attestation {
  readonly namespace: string
  readonly serviceAccount: string
  /** Counts the use, once everything else about the request is good. False: another caller took the last one meanwhile. */
  redeem(): Promise<boolean>
}

const LIFE_MS_DEFAULT = 3_600_000
const LIFE_MS_MIN = 1000
const LIFE_MS_MAX = 365 * 86_400_000
const USES_MAX = 10_000
/** 80 bits: unique without asking the store. */
const ID_BYTES = 10

const REMEDY = 'make a new one with "selvedge token create"'
const UNKNOWN = `Cannot admit the sidecar: its join token is unknown; ${REMEDY}`

const FOREIGN = `Cannot admit the sidecar: its join token is for the CA of another mesh; ${REMEDY}`

/** Makes a token and keeps its record. The text that is returned holds the secret and is shown once: nobody can make it again. */
export async function createJoinToken(
  records: TokenRecords,
  wish: NewJoinToken,
  clock: Clock,
): Promise<Result<{ readonly text: string; readonly record: JoinTokenRecord }, string>> {
  const { lifeMs = LIFE_MS_DEFAULT, uses = 1 } = wish
  const fault = faultOf(wish.namespace, wish.serviceAccount, lifeMs, uses)
  if (fault !== undefined) return err(`Cannot make the join token: ${fault}`)
  const id = randomBytes(ID_BYTES).toString('hex')
  const secret = randomBytes(JOIN_TOKEN_SECRET_BYTES)
  const createdMs = clock.wallMs()
  const record: JoinTokenRecord = {
    id,
    secretSha256: digest(secret).toString('hex'),
    namespace: wish.namespace,
    serviceAccount: wish.serviceAccount,
    createdMs,
    expiresMs: createdMs + lifeMs,
    usesLeft: uses,
  }
  await records.insert(record)
  return ok({ text: formatJoinToken({ id, secret, caPin: wish.caPin }), record })
}

/** Whom a token's text admits now, to the mesh whose root has the pin `rootPin`. No use is taken until `redeem`, so that a faulty request costs none. */
export async function attestJoinToken(
  records: TokenRecords,
  text: string,
  rootPin: string,
  clock: Clock,
): Promise<Result<Attestation, string>> {
  const token = parseJoinToken(text)
  if (!token.ok) return token
  if (token.value.caPin !== rootPin) return err(FOREIGN)
  const record = await records.find(token.value.id)
  // Unknown and wrong are one answer; the digest is made in both cases.
  const shown = digest(token.value.secret)
  if (record === undefined || !sameDigest(shown, record.secretSha256)) return err(UNKNOWN)
  // From here on the caller has shown that it holds the secret, and may be told more.
  if (clock.wallMs() >= record.expiresMs) return err(`Cannot admit the sidecar: its join token has expired; ${REMEDY}`)
  if (record.usesLeft < 1) return err(`Cannot admit the sidecar: its join token is used up; ${REMEDY}`)
  return ok({
    namespace: record.namespace,
    serviceAccount: record.serviceAccount,
    redeem: () => records.takeUse(record.id, clock.wallMs()),
  })
}

function faultOf(namespace: string, serviceAccount: string, lifeMs: number, uses: number): string | undefined {
  if (!isDnsLabel(namespace) || !isDnsLabel(serviceAccount)) {
    return `"${namespace}/${serviceAccount}" is not a service account; write namespace/name, as in bookshop/reviews`
  }
  if (namespace === CONTROL_PLANE.namespace && serviceAccount === CONTROL_PLANE.serviceAccount) {
    return "this identity is the control plane's own; choose another service account"
  }
  if (!(lifeMs >= LIFE_MS_MIN && lifeMs <= LIFE_MS_MAX)) return 'its life must be between 1 second and 365 days'
  if (!Number.isInteger(uses) || uses < 1 || uses > USES_MAX)
    return `its uses must be a whole number from 1 to ${USES_MAX}`
  return undefined
}

function digest(secret: Buffer): Buffer {
  return createHash('sha256').update(secret).digest()
}

function sameDigest(shown: Buffer, keptHex: string): boolean {
  const kept = Buffer.from(keptHex, 'hex')
  return kept.length === shown.length && timingSafeEqual(kept, shown)
}
