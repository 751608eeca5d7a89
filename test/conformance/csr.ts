import { type KeyObject, sign } from 'node:crypto'
import asn1, { type Asn1 } from 'node-forge/lib/asn1.js'
import { makeCsr, makeCsrOf } from '../../certs/mod.ts'

// Signing requests (PKCS#10, RFC 2986) with any fault one likes, taken apart and put together again.

export interface CsrWish {
  readonly privateKeyPem: string
  readonly id: string
  /** What it asks for beside its ID. */
  readonly asks?: 'ca' | 'keyCertSign' | 'email' | 'subject'
  /** Whose key signs it, where that is not its own. */
  readonly signer?: KeyObject
  /** Its own signature is one of RSA. */
  readonly rsa?: boolean
}

const UNIVERSAL = 0
const CONTEXT = 0x80
const TYPE = { boolean: 1, bitString: 3, octetString: 4, oid: 6, utf8String: 12, sequence: 16, set: 17 } as const
const OID = {
  basicConstraints: '2.5.29.19',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  commonName: '2.5.4.3',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  rsaWithSha256: '1.2.840.113549.1.1.11',
}

export function requestFor(privateKeyPem: string, uriSans: readonly string[], dnsSans: readonly string[]): Buffer {
  return makeCsrOf({ privateKeyPem, uriSans, dnsSans })
}

export function csrWith({ privateKeyPem, id, asks, signer, rsa = false }: CsrWish): Buffer {
  const [toBeSigned] = children(decode(makeCsr({ privateKeyPem, spiffeId: id })))
  if (toBeSigned === undefined) throw new Error('our own request is whole')
  const parts = children(toBeSigned)
  if (asks === 'subject') parts[1] = sequence(set(sequence(oid(OID.commonName), text(TYPE.utf8String, 'payments'))))
  else if (asks !== undefined) change(requestedExtensions(toBeSigned), id, asks)
  const signature = sign('sha256', encode(toBeSigned), signer ?? privateKeyPem)
  const algorithm = sequence(oid(rsa ? OID.rsaWithSha256 : OID.ecdsaWithSha256))
  return encode(sequence(toBeSigned, algorithm, bytes(TYPE.bitString, Buffer.concat([Buffer.from([0]), signature]))))
}

function change(extensions: Asn1[], id: string, asks: 'ca' | 'keyCertSign' | 'email'): void {
  if (asks === 'ca') {
    extensions.push(extension(OID.basicConstraints, sequence(bytes(TYPE.boolean, Buffer.from([0xff])))))
  } else if (asks === 'keyCertSign') {
    extensions.push(extension(OID.keyUsage, bytes(TYPE.bitString, Buffer.from([2, 0x84]))))
  } else {
    const names = [context(6, id), context(1, 'payments@shop.test')]
    extensions[0] = extension(OID.subjectAltName, sequence(...names))
  }
}

/** The list inside the one attribute of ours, extensionRequest. */
function requestedExtensions(toBeSigned: Asn1): Asn1[] {
  const [attribute] = children(children(toBeSigned)[3])
  const [values] = children(children(attribute)[1])
  return children(values)
}

function extension(id: string, value: Asn1): Asn1 {
  return sequence(oid(id), bytes(TYPE.boolean, Buffer.from([0xff])), bytes(TYPE.octetString, encode(value)))
}

function children(node: Asn1 | undefined): Asn1[] {
  if (node === undefined || typeof node.value === 'string') throw new Error('a list was expected')
  return node.value
}

function sequence(...items: Asn1[]): Asn1 {
  return asn1.create(UNIVERSAL, TYPE.sequence, true, items)
}

function set(...items: Asn1[]): Asn1 {
  return asn1.create(UNIVERSAL, TYPE.set, true, items)
}

function oid(id: string): Asn1 {
  return asn1.create(UNIVERSAL, TYPE.oid, false, asn1.oidToDer(id).getBytes())
}

function bytes(type: number, content: Buffer): Asn1 {
  return asn1.create(UNIVERSAL, type, false, content.toString('latin1'))
}

function text(type: number, content: string): Asn1 {
  return bytes(type, Buffer.from(content))
}

function context(tag: number, content: string): Asn1 {
  return asn1.create(CONTEXT, tag, false, content)
}

function encode(node: Asn1): Buffer {
  return Buffer.from(asn1.toDer(node).getBytes(), 'latin1')
}

function decode(der: Buffer): Asn1 {
  const options = { strict: true, parseAllBytes: true, decodeBitStrings: false, maxDepth: 16 }
  return asn1.fromDer(der.toString('latin1'), options)
}
