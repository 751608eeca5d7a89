import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeHuffman, encodeHuffman, huffmanBytes, huffmanTextMax } from './huffman.ts'

const latin1 = fc.string({ unit: fc.nat(255).map(c => String.fromCharCode(c)), maxLength: 200 })

function decode(coded: Uint8Array): string | undefined {
  const into = Buffer.alloc(huffmanTextMax(coded.length))
  const length = decodeHuffman(coded, 0, coded.length, into)
  return length < 0 ? undefined : into.toString('latin1', 0, length)
}

function encode(text: string): Buffer {
  const into = Buffer.alloc(huffmanBytes(text))
  expect(encodeHuffman(text, into, 0)).toBe(into.length)
  return into
}

/** The bits of a coded text without its padding. */
function bitsOf(symbols: number[]): string {
  return symbols.map(symbol => CODES[symbol]!).join('')
}

/** Each symbol's code, found by what the encoder writes for the symbol eight times over: eight whole codes in as many bytes as a code has bits. */
const CODES = Array.from({ length: 256 }, (_, c) => {
  const bits = [...encode(String.fromCharCode(c).repeat(8))].map(byte => byte.toString(2).padStart(8, '0')).join('')
  return bits.slice(0, bits.length / 8)
})

function bytesOf(bits: string): Buffer {
  return Buffer.from((bits.match(/.{8}/g) ?? []).map(byte => Number.parseInt(byte, 2)))
}

describe('the code is that of RFC 7541, appendix B', () => {
  test.each([
    [0, '1111111111000'],
    [1, '11111111111111111011000'],
    [10, '111111111111111111111111111100'],
    [32, '010100'],
    [48, '00000'],
    [92, '1111111111111110000'],
    [97, '00011'],
    [122, '1111011'],
    [127, '1111111111111111111111111100'],
    [128, '11111111111111100110'],
    [201, '11111111111111111111100011'],
    [255, '11111111111111111111101110'],
  ])('symbol %i', (symbol, code) => {
    expect(CODES[symbol]).toBe(code)
  })

  test('no code begins another, and with EOS they leave no gap', () => {
    const sum = CODES.reduce((total, code) => total + 2 ** -code.length, 2 ** -30)
    expect(sum).toBe(1)
    const sorted = [...CODES, '1'.repeat(30)].sort()
    for (let i = 1; i < sorted.length; i++) expect(sorted[i]!.startsWith(sorted[i - 1]!)).toBe(false)
  })
})

test('what is encoded is decoded, whatever bytes it has', () => {
  fc.assert(fc.property(latin1, text => decode(encode(text)) === text))
})

test('any bits: whole codes and at most seven ones behind them are text, everything else is not', () => {
  // Bytes that are mostly ones come near long codes, EOS and padding.
  const byte = fc.oneof(fc.nat(255), fc.constantFrom(0xff, 0xfe, 0xf8, 0xf7))
  fc.assert(
    fc.property(fc.array(byte, { maxLength: 24 }), bytes => {
      const coded = Buffer.from(bytes)
      const bits = [...coded].map(each => each.toString(2).padStart(8, '0')).join('')
      expect(decode(coded)).toBe(readPlainly(bits))
    }),
    { numRuns: 2000 },
  )
})

test('each count of padding bits is taken up to seven, and none that has a zero', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(255), { minLength: 1, maxLength: 12 }), fc.nat(6), (symbols, flip) => {
      const bits = bitsOf(symbols)
      const padding = (8 - (bits.length % 8)) % 8
      const text = symbols.map(symbol => String.fromCharCode(symbol)).join('')
      expect(decode(bytesOf(bits + '1'.repeat(padding)))).toBe(text)
      expect(decode(bytesOf(bits + '1'.repeat(padding + 8)))).toBeUndefined()
      if (padding === 0) return
      const place = flip % padding
      const flipped = `${'1'.repeat(place)}0${'1'.repeat(padding - place - 1)}`
      expect(decode(bytesOf(bits + flipped))).toBe(readPlainly(bits + flipped))
    }),
  )
})

test('what has no room is counted, not written', () => {
  const coded = encode('www.example.com')
  const into = Buffer.alloc(6, '#')
  expect(decodeHuffman(coded, 0, coded.length, into.subarray(0, 4))).toBe(15)
  expect(into.toString()).toBe('www.##')
})

/** The same by the plainest means: bit by bit through the list of codes. */
function readPlainly(bits: string): string | undefined {
  const symbols = new Map(CODES.map((code, symbol) => [code, symbol]))
  let text = ''
  let rest = ''
  for (const bit of bits) {
    rest += bit
    const symbol = symbols.get(rest)
    if (symbol !== undefined) {
      text += String.fromCharCode(symbol)
      rest = ''
    }
  }
  return rest.length < 8 && !rest.includes('0') ? text : undefined
}
