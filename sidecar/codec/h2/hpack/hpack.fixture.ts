import { type Classify, HpackDecoder, type HpackEncoder, type HpackFault, type HpackField } from './mod.ts'

export type Pair = readonly [name: string, value: string]

export const NO_FACTS: Classify = { name: () => 0, field: () => 0 }

/** What one block gave. */
export interface Decoded {
  readonly fields: Pair[]
  readonly fault: HpackFault['kind'] | undefined
}

/** A decoder that is asked in hexadecimal or bytes, and answers with pairs. */
export class Reader {
  /** The fields of the last block as they came, for what a pair doesn't say. */
  last: HpackField[] = []
  readonly decoder: HpackDecoder

  constructor(tableBytes = 4096, classify: Classify = NO_FACTS) {
    this.decoder = new HpackDecoder(tableBytes, classify)
  }

  read(block: string | Buffer, maxDecodedBytes = 64 * 1024): Decoded {
    // It stands within a larger buffer, as blocks do.
    const bytes = typeof block === 'string' ? Buffer.from(block.replaceAll(/\s/g, ''), 'hex') : block
    const within = Buffer.concat([Buffer.from('before'), bytes, Buffer.from('behind')])
    this.last = []
    const fault = this.decoder.decode(
      within,
      6,
      6 + bytes.length,
      { field: field => this.last.push(field) > 0 },
      maxDecodedBytes,
    )
    return { fields: this.last.map(field => [field.name, field.value]), fault: fault?.kind }
  }
}

/** One block, in a buffer that has not a byte more than `worstCase` says. */
export function encode(encoder: HpackEncoder, fields: readonly Pair[]): Buffer {
  let out = Buffer.alloc(12)
  out = out.subarray(0, encoder.begin(out, 0))
  for (const [name, value] of fields) {
    const into = Buffer.alloc(encoder.worstCase(name, value))
    const end = encoder.field(into, 0, name, value)
    out = Buffer.concat([out, into.subarray(0, end)])
  }
  return out
}

/** An integer as RFC 7541, 5.1 writes it. */
export function integer(kind: number, prefixBits: number, value: number): number[] {
  const mask = 2 ** prefixBits - 1
  if (value < mask) return [kind | value]
  const bytes = [kind | mask]
  let rest = value - mask
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128)
  return [...bytes, rest]
}

/** A plain string. */
export function text(value: string): number[] {
  return [...integer(0, 7, value.length), ...Buffer.from(value, 'latin1')]
}
