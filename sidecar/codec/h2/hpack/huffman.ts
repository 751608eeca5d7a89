/**
 * How many bits each symbol's code has (RFC 7541, appendix B), one base-36 digit a symbol, 32 symbols a line; the last is EOS. The code is
 * canonical (codes of one length follow the order of the symbols, and shorter codes come first), so the lengths say all.
 */
const LENGTHS = [
  'dnsssssssoussussssssssusssssssss',
  '6aacd68baa8b8666555666666678f6ca',
  'd67777777777777777777777878djde6',
  'f56565666577666567655677777fbeds',
  'kmkkmmmnmnnnnnonoomnonnnnlmnmnno',
  'mlkmmnnlnmmolmnnllmlnmnnkmmmnmmn',
  'qqkjmnmpqqqrrqopjlqrrqrollqqsrrr',
  'koklmllnmmppooqnqrqqrrrrrsrrrrrq',
  'u',
].join('')

const SYMBOLS = 257
/** It never stands in a string (RFC 7541, 5.2). */
const EOS = 256
const CODE_BITS_MAX = 30
/** Codes up to here are decoded by one look-up: all letters, digits and most punctuation. */
const QUICK_BITS = 9
const QUICK_MASK = (1 << QUICK_BITS) - 1

const lengths = new Uint8Array(SYMBOLS)
const codes = new Uint32Array(SYMBOLS)
/** Symbols in the order of their codes; for each length, the first code, where its symbol is in that order, and how many there are. */
const inOrder = new Uint16Array(SYMBOLS)
const firstCode = new Int32Array(CODE_BITS_MAX + 1)
const firstPlace = new Int32Array(CODE_BITS_MAX + 1)
const howMany = new Int32Array(CODE_BITS_MAX + 1)
/** By the next QUICK_BITS bits: `symbol << 4 | bits`, or 0 when the code is longer. */
const quick = new Uint16Array(1 << QUICK_BITS)

buildTables()

function buildTables(): void {
  for (let symbol = 0; symbol < SYMBOLS; symbol++) lengths[symbol] = Number.parseInt(LENGTHS[symbol]!, 36)
  let code = 0
  let place = 0
  for (let bits = 1; bits <= CODE_BITS_MAX; bits++) {
    code *= 2
    firstCode[bits] = code
    firstPlace[bits] = place
    for (let symbol = 0; symbol < SYMBOLS; symbol++) {
      if (lengths[symbol] !== bits) continue
      codes[symbol] = code++
      inOrder[place++] = symbol
      if (bits <= QUICK_BITS) {
        const spare = QUICK_BITS - bits
        quick.fill((symbol << 4) | bits, codes[symbol]! << spare, (codes[symbol]! + 1) << spare)
      }
    }
    howMany[bits] = place - firstPlace[bits]!
  }
}

/** The longest text that so many coded bytes can be: the shortest code has 5 bits. */
export function huffmanTextMax(codedBytes: number): number {
  return Math.floor((codedBytes * 8) / 5)
}

/**
 * Decodes `bytes[from..to]` (RFC 7541, 5.2). Writes at most `into.length` bytes of text, and reads on to the end whatever there is.
 * Returns the length of the text, -1 when it is malformed: EOS in it, padding of 8 bits or more, or of other bits than ones.
 *
 * One loop on purpose. `window` holds the next bits, `held` of them, in its low end; what is above them is of the past.
 */
export function decodeHuffman(bytes: Uint8Array, from: number, to: number, into: Uint8Array): number {
  let at = from
  let window = 0
  let held = 0
  let out = 0
  for (;;) {
    while (held <= 23 && at < to) {
      window = (window << 8) | bytes[at++]!
      held += 8
    }
    while (held >= QUICK_BITS) {
      const found = quick[(window >>> (held - QUICK_BITS)) & QUICK_MASK]!
      if (found === 0) break
      held -= found & 15
      if (out < into.length) into[out] = found >>> 4
      out++
    }
    if (held < QUICK_BITS) {
      if (at < to) continue
      // The last bits, with ones behind them: what isn't a whole code then is padding.
      const spare = QUICK_BITS - held
      const found = quick[((window << spare) | ((1 << spare) - 1)) & QUICK_MASK]!
      const bits = found & 15
      if (found === 0 || bits > held) return isPadding(window, held) ? out : -1
      held -= bits
      if (out < into.length) into[out] = found >>> 4
      out++
      continue
    }
    const long = longCode(bytes, at * 8 - held, to * 8)
    if (long === 0) return isPadding(window, held) && at === to ? out : -1
    if (long < 0) return -1
    if (out < into.length) into[out] = long >>> 5
    out++
    const next = at * 8 - held + (long & 31)
    at = (next + 7) >>> 3
    held = at * 8 - next
    window = held === 0 ? 0 : bytes[at - 1]!
  }
}

function isPadding(window: number, held: number): boolean {
  const ones = (1 << held) - 1
  return held < 8 && (window & ones) === ones
}

/** A code longer than QUICK_BITS, bit by bit: `symbol << 5 | bits`; 0 when the string ends within it, -1 for EOS. */
function longCode(bytes: Uint8Array, firstBit: number, endBit: number): number {
  let code = 0
  for (let bits = 1; bits <= CODE_BITS_MAX; bits++) {
    const bit = firstBit + bits - 1
    if (bit >= endBit) return 0
    code = (code << 1) | ((bytes[bit >>> 3]! >>> (7 - (bit & 7))) & 1)
    const nth = code - firstCode[bits]!
    if (nth < howMany[bits]!) {
      const symbol = inOrder[firstPlace[bits]! + nth]!
      return symbol === EOS ? -1 : (symbol << 5) | bits
    }
  }
  return -1
}

/** How many bytes `text` (latin1) takes when it is coded. */
export function huffmanBytes(text: string): number {
  let bits = 0
  for (let i = 0; i < text.length; i++) bits += lengths[text.charCodeAt(i)]!
  return (bits + 7) >>> 3
}

/** Writes `text` (latin1), coded, and returns the offset behind it. */
export function encodeHuffman(text: string, into: Uint8Array, at: number): number {
  let window = 0
  let held = 0
  let out = at
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    let code = codes[c]!
    let bits = lengths[c]!
    // `held` is less than 8: a code of up to 24 bits fits beside it, a longer one goes in two parts.
    if (bits > 24) {
      window = (window << (bits - 16)) | (code >>> 16)
      held += bits - 16
      for (; held >= 8; held -= 8) into[out++] = window >>> (held - 8)
      code &= 0xffff
      bits = 16
    }
    window = (window << bits) | code
    held += bits
    for (; held >= 8; held -= 8) into[out++] = window >>> (held - 8)
  }
  if (held > 0) into[out++] = (window << (8 - held)) | ((1 << (8 - held)) - 1)
  return out
}
