import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { err, ok, type Result } from '../common/mod.ts'
import { readDer, sequenceOf, wholeBitsOf } from './der/read.ts'

export interface KeyPair {
  /** PKCS#8, unencrypted. */
  readonly privateKeyPem: string
  readonly publicKeySpkiDer: Buffer
}

/** A public key of the largest kind that we accept, RSA with 4096 bits, has 550 bytes. */
const SPKI_BYTES_MAX = 1024
const STRONG_CURVES: ReadonlySet<string> = new Set(['prime256v1', 'secp384r1'])
/** NIST SP 800-57: 2048 bits are the least; what has more than 4096 costs more to verify than it gives. */
const RSA_BITS_MIN = 2048
const RSA_BITS_MAX = 4096
/** RFC 7093, method 1: the leftmost 160 bits of a SHA-256 over the key's bits. */
const KEY_ID_BYTES = 20

/** A fresh ECDSA P-256 key. */
export function makeKeyPair(): KeyPair {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  return {
    privateKeyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    publicKeySpkiDer: publicKey.export({ type: 'spki', format: 'der' }),
  }
}

/** The public half of a private key. Throws when `privateKeyPem` is not a key. */
export function publicKeyOf(privateKeyPem: string): Buffer {
  return createPublicKey(createPrivateKey(privateKeyPem)).export({ type: 'spki', format: 'der' })
}

/** Reads a public key and refuses a weak one: P-256, P-384 and RSA with 2048 to 4096 bits are accepted. Never throws. */
export function readPublicKey(spkiDer: Buffer): Result<KeyObject, string> {
  if (spkiDer.length > SPKI_BYTES_MAX) return err(`the public key has more than ${SPKI_BYTES_MAX} bytes`)
  let key: KeyObject
  try {
    key = createPublicKey({ key: spkiDer, format: 'der', type: 'spki' })
  } catch {
    return err('the public key cannot be read')
  }
  const details = key.asymmetricKeyDetails
  if (key.asymmetricKeyType === 'ec' && STRONG_CURVES.has(details?.namedCurve ?? '')) return ok(key)
  const bits = details?.modulusLength ?? 0
  if (key.asymmetricKeyType === 'rsa' && bits >= RSA_BITS_MIN && bits <= RSA_BITS_MAX) return ok(key)
  return err(`the public key is weak or of a kind that is not accepted: use ECDSA P-256`)
}

/** The key identifier of SKI and AKI. `undefined` when `spkiDer` is no SubjectPublicKeyInfo. */
export function keyIdOf(spkiDer: Buffer): Buffer | undefined {
  const bits = readDer(spkiDer, SPKI_BYTES_MAX, root => wholeBitsOf(sequenceOf(root, 'the key')[1], 'the key'))
  return bits.ok ? createHash('sha256').update(bits.value).digest().subarray(0, KEY_ID_BYTES) : undefined
}
