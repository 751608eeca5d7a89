import { err, type Result } from '../common/mod.ts'
import {
  contextOf,
  type Der,
  isContext,
  MalformedDer,
  primitiveOf,
  readDer,
  sequenceOf,
  timeOf,
  wholeBitsOf,
} from './der/read.ts'
import { TYPE } from './der/tags.ts'
import { encodeDer } from './der/write.ts'
import { type ExtensionFacts, readExtensions } from './read-extensions.ts'

/** What a certificate says; not whether it is true: its signature is OpenSSL's to verify. */
export interface CertificateFacts extends ExtensionFacts {
  readonly subjectEmpty: boolean
  readonly subjectDer: Buffer
  readonly issuerDer: Buffer
  readonly publicKeySpkiDer: Buffer
  /** Unix time in milliseconds. */
  readonly notBeforeMs: number
  readonly notAfterMs: number
  readonly serialHex: string
}

/** A leaf of ours has about 600 bytes; an RSA root with long names 2,000. */
const CERTIFICATE_BYTES_MAX = 16 * 1024
/** Version 3 (RFC 5280, 4.1.2.1). Without it, a certificate has no extensions and so no SPIFFE ID. */
const X509_V3 = 2
/** The optional fields at the end of TBSCertificate: issuerUniqueID, subjectUniqueID, extensions. */
const EXTENSIONS_TAG = 3

/** Reads a certificate (RFC 5280, 4.1) of at most 16 KiB, version 3. Never throws. */
export function parseCertificate(der: Buffer): Result<CertificateFacts, string> {
  const facts = readDer(der, CERTIFICATE_BYTES_MAX, readCertificate)
  return facts.ok ? facts : err(`Cannot read the certificate: ${facts.error}`)
}

function readCertificate(root: Der): CertificateFacts {
  const [toBeSigned, , signature, ...more] = sequenceOf(root, 'the certificate')
  wholeBitsOf(signature, 'the signature')
  if (more.length > 0) throw new MalformedDer('something follows the signature')
  const [version, serial, , issuer, validity, subject, key, ...optional] = sequenceOf(toBeSigned, 'its content')
  if (versionOf(version) !== X509_V3) throw new MalformedDer('it is not of version 3')
  const [notBefore, notAfter] = sequenceOf(validity, 'the validity')
  const list = optional.find(node => isContext(node, EXTENSIONS_TAG))
  const extensions = list === undefined ? [] : sequenceOf(contextOf(list, EXTENSIONS_TAG, 'the extensions')[0], 'they')
  sequenceOf(key, 'the public key')
  return {
    ...readExtensions(extensions),
    subjectEmpty: sequenceOf(subject, 'the subject').length === 0,
    subjectDer: encodeSequence(subject, 'the subject'),
    issuerDer: encodeSequence(issuer, 'the issuer'),
    publicKeySpkiDer: encodeSequence(key, 'the public key'),
    notBeforeMs: timeOf(notBefore, 'notBefore'),
    notAfterMs: timeOf(notAfter, 'notAfter'),
    serialHex: primitiveOf(serial, TYPE.integer, 'the serial number').toString('hex'),
  }
}

function versionOf(node: Der | undefined): number | undefined {
  const bytes = primitiveOf(contextOf(node, 0, 'the version')[0], TYPE.integer, 'the version')
  return bytes.length === 1 ? bytes[0] : undefined
}

function encodeSequence(node: Der | undefined, what: string): Buffer {
  sequenceOf(node, what)
  // sequenceOf has thrown when there is none.
  return encodeDer(node as Der)
}
