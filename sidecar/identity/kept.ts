import { join } from 'node:path'
import {
  fromPem,
  type KeyPair,
  parseCertificate,
  publicKeyOf,
  spkiSha256,
  toPem,
  trustDomainOfRoot,
} from '../../certs/mod.ts'
import { readPrivateFile, writePrivateFile } from '../../common/folders/mod.ts'
import { err, ok, type Result, workloadSpiffeId } from '../../common/mod.ts'
import type { Svid } from './identity.ts'
import { makeSvid } from './make-svid.ts'

/** The file in the state folder: the key, the chain, and the bundle, in PEM. */
export const KEPT_IDENTITY_FILE = 'identity.pem'
/** A key, a leaf and a few roots have about 4 KiB. */
const FILE_BYTES_MAX = 64 * 1024
/** An identity that ends this soon is none to begin with: what it opens would be closed again at once. */
const LEFT_MS_MIN = 5_000

/** An identity that outlives the process, so that a restart needs no control plane. */
export interface KeptIdentity {
  /** What is kept and may be used now; `undefined`: nothing is kept. An error says what is wrong with it. */
  load(): Result<Svid | undefined, string>
  /** Keeps it in the place of the last. An error says why that can't be; the identity is good all the same. */
  save(svid: Svid): Promise<Result<void, string>>
}

export interface KeptIdentityOptions {
  readonly stateDir: string
  readonly workload: { readonly namespace: string; readonly serviceAccount: string }
  /** The root that the join token names: an identity of another mesh is none here. `undefined` without a token. */
  readonly caPin: string | undefined
  readonly nowMs: () => number
}

/**
 * The identity in a folder of the operator's choice, 0600. Whoever reads the file is this workload until the leaf ends: nothing is
 * written where no folder was given. It is believed no more than the answer of a control plane: key, leaf, bundle, times are checked.
 */
export function keptIdentity(options: KeptIdentityOptions): KeptIdentity {
  const path = join(options.stateDir, KEPT_IDENTITY_FILE)
  return {
    load() {
      const file = readPrivateFile(path, FILE_BYTES_MAX)
      if (!file.ok || file.value === undefined) return file.ok ? ok(undefined) : file
      const svid = readSvid(file.value.toString('utf8'), options)
      return svid.ok ? svid : err(`Cannot use the identity in ${path}: ${svid.error}`)
    },
    save: svid => writePrivateFile(path, [svid.privateKeyPem, svid.certificateChainPem, ...svid.trustBundlePem]),
  }
}

/** A key, the chain, leaf first, and the roots: a certificate that is a CA's is of the bundle. */
function readSvid(text: string, options: KeptIdentityOptions): Result<Svid, string> {
  const { workload, caPin, nowMs } = options
  const certificates = fromPem(text)
  const isRoot = (der: Buffer): boolean => {
    const facts = parseCertificate(der)
    return facts.ok && facts.value.isCa
  }
  const trustBundle = certificates.filter(isRoot)
  const chain = certificates.filter(der => !isRoot(der))
  const root = trustBundle[0] === undefined ? err('it holds no root') : parseCertificate(trustBundle[0])
  if (!root.ok) return root
  const trustDomain = trustDomainOfRoot(root.value.uriSans)
  if (!trustDomain.ok) return trustDomain
  if (caPin !== undefined && !trustBundle.some(der => spkiSha256(der) === caPin)) {
    return err('it is of another mesh than the one that the join token names')
  }
  const keys = keysOf(text)
  if (!keys.ok) return keys
  const spiffeId = workloadSpiffeId(trustDomain.value, workload.namespace, workload.serviceAccount)
  const expected = { spiffeId, trustDomain: trustDomain.value, nowMs: nowMs() + LEFT_MS_MIN }
  return makeSvid({ chain, trustBundle }, keys.value, expected)
}

function keysOf(text: string): Result<KeyPair, string> {
  const [pkcs8] = fromPem(text, 'PRIVATE KEY')
  if (pkcs8 === undefined) return err('it holds no key')
  const privateKeyPem = toPem('PRIVATE KEY', pkcs8)
  try {
    return ok({ privateKeyPem, publicKeySpkiDer: publicKeyOf(privateKeyPem) })
  } catch {
    return err('its key cannot be read')
  }
}
