import {
  dnsNamesOf,
  loadCaDir,
  makeKeyPair,
  renewalTimeMs,
  runAtWallTime,
  signLeaf,
  type TrustedCa,
} from '../../certs/mod.ts'
import {
  type Clock,
  err,
  isDnsLabel,
  ok,
  type Random,
  type Result,
  systemRandom,
  workloadSpiffeId,
} from '../../common/mod.ts'
import { identityCell } from './cell.ts'
import type { Identity, Svid } from './identity.ts'
import { makeSvid } from './make-svid.ts'

export interface LocalIdentityOptions {
  /** A directory that `selvedge cert init` made. */
  readonly caDir: string
  readonly namespace: string
  readonly serviceAccount: string
  readonly clock: Clock
  readonly random?: Random
  /**
   * In milliseconds.
   * @default 24 h
   */
  readonly leafLifeMs?: number
}

const LEAF_LIFE_MS_DEFAULT = 24 * 3_600_000

/**
 * File mode: the sidecar signs its own leaf with the CA in a directory, and again at half of its life. The CA is read once;
 * who can read its key can be anybody in the mesh, so this is for meshes of one machine or of one owner.
 */
export function localIdentity(options: LocalIdentityOptions): Result<Identity, string> {
  const { caDir, namespace, serviceAccount, clock, random = systemRandom } = options
  if (!isDnsLabel(namespace) || !isDnsLabel(serviceAccount)) {
    return err(
      `Cannot take the identity ${namespace}/${serviceAccount}: both must be DNS labels, as in bookshop/reviews`,
    )
  }
  const ca = loadCaDir(caDir)
  if (!ca.ok) return ca
  const authority = ca.value
  const first = signOwn(authority, options)
  if (!first.ok) return first
  const cell = identityCell(first.value, () => callOff())
  let callOff = schedule()

  function schedule(): () => void {
    const nextMs = renewalTimeMs(clock.wallMs(), cell.current().notAfterMs, random)
    cell.note({ kind: 'waiting', nextMs })
    return runAtWallTime(clock, nextMs, renew)
  }

  function renew(): void {
    const next = signOwn(authority, options)
    if (!next.ok) {
      // Only a CA that has ended refuses, and with it the last leaf has ended as well: nothing is left to renew.
      const sinceMs = clock.wallMs()
      cell.note({ kind: 'failing', why: next.error, sinceMs, nextMs: Number.POSITIVE_INFINITY })
      return
    }
    cell.replace(next.value)
    callOff = schedule()
  }

  return ok(cell)
}

function signOwn(ca: TrustedCa, options: LocalIdentityOptions): Result<Svid, string> {
  const { namespace, serviceAccount, clock, leafLifeMs = LEAF_LIFE_MS_DEFAULT } = options
  const nowMs = clock.wallMs()
  if (nowMs >= ca.notAfterMs)
    return err(`Cannot sign a certificate: the CA in ${options.caDir} has ended; make a new one`)
  const spiffeId = workloadSpiffeId(ca.trustDomain, namespace, serviceAccount)
  const keys = makeKeyPair()
  const leaf = signLeaf({
    caCertificateDer: ca.certificateDer,
    caPrivateKeyPem: ca.privateKeyPem,
    publicKeySpkiDer: keys.publicKeySpkiDer,
    spiffeId,
    dnsNames: dnsNamesOf(namespace, serviceAccount),
    lifeMs: leafLifeMs,
    nowMs,
  })
  const issued = { chain: [leaf], trustBundle: [ca.certificateDer] }
  return makeSvid(issued, keys, { spiffeId, trustDomain: ca.trustDomain, nowMs })
}
