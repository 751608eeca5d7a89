import { type KeyObject, verify } from 'node:crypto'
import { err, ok, type Result } from '../common/mod.ts'
import { contextOf, type Der, MalformedDer, oidOf, readDer, sequenceOf, setOf, wholeBitsOf } from './der/read.ts'
import { encodeDer } from './der/write.ts'
import { readPublicKey } from './key-pair.ts'
import { OID } from './oids.ts'
import { type ExtensionFacts, readExtensions } from './read-extensions.ts'

/** What a signing request asks for. Its signature has been verified: who sent it has the key. */
export interface CsrFacts {
  readonly publicKeySpkiDer: Buffer
  readonly uriSans: readonly string[]
  readonly dnsSans: readonly string[]
  /** The GeneralName tags of names that are neither URI nor DNS. */
  readonly otherSanTags: readonly number[]
  /** It asks to become a CA, by its basic constraints or by its key usage. */
  readonly asksForCa: boolean
}

interface RawCsr {
  readonly toBeSigned: Buffer
  readonly publicKeySpkiDer: Buffer
  readonly algorithm: string
  readonly signature: Buffer
  readonly extensions: ExtensionFacts
}

/** One of ours has about 300 bytes. */
export const CSR_BYTES_MAX = 16 * 1024
/** extensionRequest is the only attribute that we know; OpenSSL's `req` may add a challenge password. */
const ATTRIBUTES_MAX = 8

const DIGEST_OF: Readonly<Record<string, { readonly digest: string; readonly keyType: string }>> = {
  [OID.ecdsaWithSha256]: { digest: 'sha256', keyType: 'ec' },
  [OID.ecdsaWithSha384]: { digest: 'sha384', keyType: 'ec' },
  [OID.rsaWithSha256]: { digest: 'sha256', keyType: 'rsa' },
  [OID.rsaWithSha384]: { digest: 'sha384', keyType: 'rsa' },
}

/** Reads a signing request (PKCS#10, RFC 2986), refuses a weak key, and verifies the request's own signature. Never throws. */
export function parseCsr(der: Buffer): Result<CsrFacts, string> {
  const raw = readDer(der, CSR_BYTES_MAX, readCsr)
  if (!raw.ok) return err(`Cannot read the signing request: ${raw.error}`)
  const { publicKeySpkiDer, extensions } = raw.value
  const key = readPublicKey(publicKeySpkiDer)
  if (!key.ok) return err(`Cannot accept the signing request: ${key.error}`)
  if (!verifies(raw.value, key.value))
    return err('Cannot accept the signing request: its own signature does not verify')
  return ok({
    publicKeySpkiDer,
    uriSans: extensions.uriSans,
    dnsSans: extensions.dnsSans,
    otherSanTags: extensions.otherSanTags,
    asksForCa:
      extensions.isCa || extensions.keyUsage.includes('keyCertSign') || extensions.keyUsage.includes('cRLSign'),
  })
}

function readCsr(root: Der): RawCsr {
  const [toBeSigned, algorithm, signature, ...more] = sequenceOf(root, 'the request')
  if (more.length > 0) throw new MalformedDer('something follows the signature')
  const [, subject, key, attributes] = sequenceOf(toBeSigned, 'its content')
  sequenceOf(subject, 'the subject')
  sequenceOf(key, 'the public key')
  return {
    // Both are there: sequenceOf has thrown otherwise.
    toBeSigned: encodeDer(toBeSigned as Der),
    publicKeySpkiDer: encodeDer(key as Der),
    algorithm: oidOf(sequenceOf(algorithm, 'the signature algorithm')[0], 'the signature algorithm'),
    signature: wholeBitsOf(signature, 'the signature'),
    extensions: readExtensions(requestedExtensions(attributes)),
  }
}

function requestedExtensions(attributes: Der | undefined): readonly Der[] {
  if (attributes === undefined) return []
  const list = contextOf(attributes, 0, 'the attributes')
  if (list.length > ATTRIBUTES_MAX) throw new MalformedDer(`it has more than ${ATTRIBUTES_MAX} attributes`)
  const requests = list.map(attribute => sequenceOf(attribute, 'an attribute')).filter(isExtensionRequest)
  if (requests.length === 0) return []
  const values = setOf(requests[0]?.[1], 'the extension request')
  // Two lists would let two readers see two requests.
  if (requests.length > 1 || values.length !== 1) throw new MalformedDer('it asks for extensions twice')
  return sequenceOf(values[0], 'the extension request')
}

function isExtensionRequest(attribute: readonly Der[]): boolean {
  return oidOf(attribute[0], "an attribute's name") === OID.extensionRequest
}

function verifies(csr: RawCsr, key: KeyObject): boolean {
  const algorithm = DIGEST_OF[csr.algorithm]
  if (algorithm === undefined || algorithm.keyType !== key.asymmetricKeyType) return false
  try {
    return verify(algorithm.digest, csr.toBeSigned, key, csr.signature)
  } catch {
    return false
  }
}
