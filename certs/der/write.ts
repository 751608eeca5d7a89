import asn1, { type Asn1 } from 'node-forge/lib/asn1.js'
import { CLASS, TYPE } from './tags.ts'
import { formatTime } from './time.ts'

export function encodeDer(node: Asn1): Buffer {
  return Buffer.from(asn1.toDer(node).getBytes(), 'latin1')
}

export function sequence(...children: readonly Asn1[]): Asn1 {
  return asn1.create(CLASS.universal, TYPE.sequence, true, [...children])
}

export function set(...children: readonly Asn1[]): Asn1 {
  return asn1.create(CLASS.universal, TYPE.set, true, [...children])
}

/** `[tag]` around other values. */
export function context(tag: number, ...children: readonly Asn1[]): Asn1 {
  return asn1.create(CLASS.context, tag, true, [...children])
}

/** `[tag]` instead of a primitive value's own tag. */
export function contextPrimitive(tag: number, bytes: Buffer): Asn1 {
  return asn1.create(CLASS.context, tag, false, bytes.toString('latin1'))
}

export function oid(text: string): Asn1 {
  return asn1.create(CLASS.universal, TYPE.oid, false, asn1.oidToDer(text).getBytes())
}

export function boolean(value: boolean): Asn1 {
  return primitive(TYPE.boolean, Buffer.from([value ? 0xff : 0]))
}

/** `bytes`: two's complement, most significant byte first, no needless leading zeros. */
export function integer(bytes: Buffer): Asn1 {
  return primitive(TYPE.integer, bytes)
}

export function bitString(bytes: Buffer): Asn1 {
  return primitive(TYPE.bitString, Buffer.concat([Buffer.from([0]), bytes]))
}

/** Named bits, trailing zeros cut off as DER asks (X.690, 11.2.2). Bits 0 to 7. */
export function namedBits(bits: readonly number[]): Asn1 {
  let byte = 0
  for (const bit of bits) byte |= 0x80 >> bit
  const unused = byte === 0 ? 0 : 7 - Math.max(...bits)
  return primitive(TYPE.bitString, Buffer.from(byte === 0 ? [0] : [unused, byte]))
}

export function octetString(bytes: Buffer): Asn1 {
  return primitive(TYPE.octetString, bytes)
}

export function utf8String(text: string): Asn1 {
  return primitive(TYPE.utf8String, Buffer.from(text, 'utf8'))
}

export function time(ms: number): Asn1 {
  const { type, text } = formatTime(ms)
  return primitive(type, Buffer.from(text, 'latin1'))
}

/** DER that was encoded already, as a public key is. It must be whole and well formed. */
export function encoded(der: Buffer): Asn1 {
  return asn1.fromDer(der.toString('latin1'), {
    strict: true,
    parseAllBytes: true,
    decodeBitStrings: false,
    maxDepth: 8,
  })
}

function primitive(type: number, bytes: Buffer): Asn1 {
  return asn1.create(CLASS.universal, type, false, bytes.toString('latin1'))
}
