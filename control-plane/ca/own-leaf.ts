import { renewalTimeMs, runAtWallTime, toPem } from '../../certs/mod.ts'
import { type Clock, err, ok, type Random, type Result } from '../../common/mod.ts'
import type { Authority, IssuedLeaf } from './authority.ts'

/** What the control plane's servers show: a leaf with its key, and the root to check clients against. Replaced whole. */
export interface ServerIdentity {
  /** PEM, leaf first and root last: a client that has only the root's pin finds the root here. */
  readonly chainPem: string
  readonly privateKeyPem: string
  readonly rootPem: string
  /** Unix time in milliseconds. */
  readonly notAfterMs: number
}

export interface OwnLeaf {
  current(): ServerIdentity
  /** Called after each rotation. Returns the function that ends it. */
  onChange(listener: (identity: ServerIdentity) => void): () => void
  close(): void
}

export interface OwnLeafOptions {
  readonly authority: Authority
  readonly clock: Clock
  readonly random: Random
  readonly log: { warn(message: string): void }
  /** Names of the control plane beside its own. */
  readonly dnsNames?: readonly string[]
}

/** When a rotation fails, the leaf at hand still has half of its life. */
const RETRY_MS = 60_000

/** Issues the control plane's own leaf and rotates it at half of its life, until it is closed. */
export function openOwnLeaf(options: OwnLeafOptions): Result<OwnLeaf, string> {
  const { authority, clock, random, log } = options
  const first = authority.issueOwn(options.dnsNames)
  if (!first.ok) return err(first.error.message)
  let identity = identityOf(first.value)
  const listeners = new Set<(identity: ServerIdentity) => void>()
  let callOff = scheduleAt(renewalTimeMs(clock.wallMs(), identity.notAfterMs, random))

  function scheduleAt(atMs: number): () => void {
    return runAtWallTime(clock, atMs, rotate)
  }

  function rotate(): void {
    const next = authority.issueOwn(options.dnsNames)
    if (!next.ok) {
      log.warn(next.error.message)
      callOff = scheduleAt(clock.wallMs() + RETRY_MS)
      return
    }
    identity = identityOf(next.value)
    callOff = scheduleAt(renewalTimeMs(clock.wallMs(), identity.notAfterMs, random))
    for (const listener of listeners) listener(identity)
  }

  return ok({
    current: () => identity,
    onChange(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    close() {
      callOff()
      listeners.clear()
    },
  })
}

function identityOf(issued: IssuedLeaf & { readonly privateKeyPem: string }): ServerIdentity {
  const rootPem = issued.trustBundle.map(der => toPem('CERTIFICATE', der)).join('')
  return {
    chainPem: issued.chain.map(der => toPem('CERTIFICATE', der)).join('') + rootPem,
    privateKeyPem: issued.privateKeyPem,
    rootPem,
    notAfterMs: issued.notAfterMs,
  }
}
