import asn1, { type Asn1 } from 'node-forge/lib/asn1.js'
import { err, ok, type Result } from '../../common/mod.ts'
import { CLASS, TYPE } from './tags.ts'
import { parseTimeMs } from './time.ts'

/** One decoded value: its tag, and its bytes or its children. */
export type Der = Asn1

/** A certificate nests about 8 deep; what is deeper is an attack on the stack. */
const DEPTH_MAX = 16
/** The low five bits of a tag that goes on in further bytes (X.690, 8.1.2.4). X.509 has none. */
const HIGH_TAG = 31

/** The bytes are not what the reader was promised. Thrown inside a parser only, and turned into a value by `readDer`. */
export class MalformedDer extends Error {
  override readonly name = 'MalformedDer'
}

/**
 * Decodes `der` (at most `bytesMax` bytes, checked before anything is parsed) and hands the root to `read`.
 * Only the distinguished encoding is accepted: what is decoded must encode to the very same bytes, so that no two readers can see
 * different things in it, and so that a part that was signed can be encoded again to be verified. Never throws.
 */
export function readDer<T>(der: Buffer, bytesMax: number, read: (root: Der) => T): Result<T, string> {
  if (der.length > bytesMax) return err(`it has ${der.length} bytes, and at most ${bytesMax} are read`)
  let root: Der
  try {
    root = decode(der)
  } catch {
    return err('it is not DER')
  }
  try {
    return ok(read(root))
  } catch (error) {
    if (error instanceof MalformedDer) return err(error.message)
    throw error
  }
}

/** Decodes DER that stands inside an OCTET STRING. For use inside `readDer`. */
export function readInner(bytes: Buffer, what: string): Der {
  try {
    return decode(bytes)
  } catch {
    throw new MalformedDer(`${what} is not DER`)
  }
}

/** The children of a SEQUENCE. */
export function sequenceOf(node: Der | undefined, what: string): readonly Der[] {
  return childrenOf(node, CLASS.universal, TYPE.sequence, what)
}

/** The children of a SET. */
export function setOf(node: Der | undefined, what: string): readonly Der[] {
  return childrenOf(node, CLASS.universal, TYPE.set, what)
}

/** The children of a constructed, context-tagged value. */
export function contextOf(node: Der | undefined, tag: number, what: string): readonly Der[] {
  return childrenOf(node, CLASS.context, tag, what)
}

export function isUniversal(node: Der | undefined, type: number): boolean {
  return node !== undefined && node.tagClass === CLASS.universal && node.type === type
}

export function isContext(node: Der | undefined, tag: number): boolean {
  return node !== undefined && node.tagClass === CLASS.context && node.type === tag
}

/** The content of a primitive value, whatever its tag. */
export function bytesOf(node: Der, what: string): Buffer {
  if (node.constructed || typeof node.value !== 'string') throw new MalformedDer(`${what} is not a primitive value`)
  return Buffer.from(node.value, 'latin1')
}

/** The content of a primitive value of one universal type. */
export function primitiveOf(node: Der | undefined, type: number, what: string): Buffer {
  if (node === undefined || !isUniversal(node, type)) throw new MalformedDer(`${what} is missing or of another type`)
  return bytesOf(node, what)
}

export function oidOf(node: Der | undefined, what: string): string {
  const bytes = primitiveOf(node, TYPE.oid, what)
  // The last byte of the last arc has its high bit clear (X.690, 8.19.2); none of it may be cut off.
  if (bytes.length === 0 || (bytes.at(-1) ?? 0x80) >= 0x80)
    throw new MalformedDer(`${what} is not an object identifier`)
  try {
    return asn1.derToOid(bytes.toString('latin1'))
  } catch {
    throw new MalformedDer(`${what} is not an object identifier that we can read`)
  }
}

export function booleanOf(node: Der | undefined, what: string): boolean {
  const bytes = primitiveOf(node, TYPE.boolean, what)
  if (bytes.length !== 1 || (bytes[0] !== 0 && bytes[0] !== 0xff)) throw new MalformedDer(`${what} is not a boolean`)
  return bytes[0] === 0xff
}

/** The bytes of a BIT STRING that holds whole bytes, as keys and signatures do. */
export function wholeBitsOf(node: Der | undefined, what: string): Buffer {
  const bytes = primitiveOf(node, TYPE.bitString, what)
  if (bytes.length === 0 || bytes[0] !== 0) throw new MalformedDer(`${what} does not hold whole bytes`)
  return bytes.subarray(1)
}

/** The set bits of a BIT STRING with named bits, by their numbers (X.690, 11.2). */
export function namedBitsOf(node: Der | undefined, what: string): readonly number[] {
  const bytes = primitiveOf(node, TYPE.bitString, what)
  const unused = bytes[0]
  if (unused === undefined || unused > 7 || bytes.length > 3) throw new MalformedDer(`${what} is not a set of bits`)
  const set: number[] = []
  for (let bit = 0; bit < (bytes.length - 1) * 8 - unused; bit++) {
    if (((bytes[1 + (bit >> 3)] ?? 0) & (0x80 >> (bit & 7))) !== 0) set.push(bit)
  }
  return set
}

/** A moment of a certificate's validity, Unix time in milliseconds. */
export function timeOf(node: Der | undefined, what: string): number {
  const type = isUniversal(node, TYPE.utcTime) ? TYPE.utcTime : TYPE.generalizedTime
  const ms = parseTimeMs(type, primitiveOf(node, type, what).toString('latin1'))
  if (ms === undefined) throw new MalformedDer(`${what} is not a time`)
  return ms
}

function childrenOf(node: Der | undefined, tagClass: number, type: number, what: string): readonly Der[] {
  if (node === undefined || node.tagClass !== tagClass || node.type !== type || typeof node.value === 'string') {
    throw new MalformedDer(`${what} is missing or of another type`)
  }
  return node.value
}

function decode(der: Buffer): Der {
  const text = der.toString('latin1')
  const root = asn1.fromDer(text, {
    strict: true,
    parseAllBytes: true,
    // A signature whose bytes happen to look like ASN.1 stays bytes.
    decodeBitStrings: false,
    maxDepth: DEPTH_MAX,
  })
  if (hasHighTag(root) || asn1.toDer(root).getBytes() !== text) throw new MalformedDer('it is not DER')
  return root
}

function hasHighTag(node: Der): boolean {
  return node.type === HIGH_TAG || (typeof node.value !== 'string' && node.value.some(hasHighTag))
}
