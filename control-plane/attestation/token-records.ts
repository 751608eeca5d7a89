/** What is kept of a join token. Its secret is not: only a digest, so that a stolen store admits nobody. */
export interface JoinTokenRecord {
  /** Public, random; names the token in lists and logs. */
  readonly id: string
  /** SHA-256 of the secret, hex. */
  readonly secretSha256: string
  /** The one workload identity that the token admits. */
  readonly namespace: string
  readonly serviceAccount: string
  /** Unix time in milliseconds. */
  readonly createdMs: number
  /** Unix time in milliseconds; from this moment on the token admits nobody. */
  readonly expiresMs: number
  /** How many enrolments are left; 0 admits nobody. */
  readonly usesLeft: number
}

/** Where join tokens are kept. The store implements it; each call is one transaction. */
export interface TokenRecords {
  insert(record: JoinTokenRecord): Promise<void>
  find(id: string): Promise<JoinTokenRecord | undefined>
  /** Counts one use, atomically. False: unknown, none is left, or it has expired at `nowMs` (Unix time). */
  takeUse(id: string, nowMs: number): Promise<boolean>
  list(): Promise<readonly JoinTokenRecord[]>
  /** Removing what isn't there is no failure. */
  remove(id: string): Promise<void>
}
