import { randomBytes } from 'node:crypto'

// ClientHellos by hand (RFC 8446, 4.1.2), to offer what no library of today would.

const VERSIONS = { 'TLSv1.0': 0x0301, 'TLSv1.1': 0x0302, 'TLSv1.2': 0x0303, 'TLSv1.3': 0x0304 } as const

export interface HelloWish {
  /** The one version that is offered. */
  readonly version: keyof typeof VERSIONS
  /** Named groups (RFC 8446, 4.2.7), and the key share that comes along for the first of them. */
  readonly groups: readonly number[]
  readonly ciphers: readonly number[]
}

/** The alert record that came, by its number (RFC 8446, 6). `undefined`: it is none. */
export function alertOf(bytes: Buffer): number | undefined {
  return bytes[0] === 21 && bytes.length >= 7 ? bytes[6] : undefined
}

/** One record with a ClientHello in it. */
export function clientHello({ version, groups, ciphers }: HelloWish): Buffer {
  const offered = VERSIONS[version]
  const modern = version === 'TLSv1.3'
  const extensions = [
    extension(10, vector16(uint16s(groups))),
    extension(11, Buffer.from([1, 0])),
    extension(13, vector16(uint16s([0x0403, 0x0804, 0x0401]))),
    ...(modern
      ? [
          extension(43, vector8(uint16s([offered]))),
          extension(51, vector16(Buffer.concat([uint16s(groups.slice(0, 1)), vector16(randomBytes(32))]))),
        ]
      : []),
  ]
  const body = Buffer.concat([
    uint16s([Math.min(offered, VERSIONS['TLSv1.2'])]),
    randomBytes(32),
    vector8(randomBytes(32)),
    vector16(uint16s(ciphers)),
    vector8(Buffer.from([0])),
    vector16(Buffer.concat(extensions)),
  ])
  const handshake = Buffer.concat([Buffer.from([1, 0]), uint16s([body.length]), body])
  return Buffer.concat([Buffer.from([22, 3, 1]), uint16s([handshake.length]), handshake])
}

function extension(type: number, content: Buffer): Buffer {
  return Buffer.concat([uint16s([type]), vector16(content)])
}

function vector8(content: Buffer): Buffer {
  return Buffer.concat([Buffer.from([content.length]), content])
}

function vector16(content: Buffer): Buffer {
  return Buffer.concat([uint16s([content.length]), content])
}

function uint16s(values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 2)
  for (const [i, value] of values.entries()) bytes.writeUInt16BE(value, i * 2)
  return bytes
}
