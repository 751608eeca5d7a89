/**
 * Why a block was not handed over whole.
 * - `too-large`: the fields pass the limit. The tables are in step, so only this stream is lost.
 * - `compression-error`: the block means nothing (RFC 7541), and the tables are lost: the connection ends with COMPRESSION_ERROR.
 * - `bomb`: so far past the limit that going on is work for nothing: the connection ends with ENHANCE_YOUR_CALM.
 * `detail` is for the log; it holds nothing of the block.
 */
export interface HpackFault {
  readonly kind: 'too-large' | 'compression-error' | 'bomb'
  readonly detail: string
}

const broken = (detail: string): HpackFault => Object.freeze({ kind: 'compression-error', detail })

export const TOO_LARGE: HpackFault = Object.freeze({ kind: 'too-large', detail: 'the fields are too large' })
export const BOMB: HpackFault = Object.freeze({ kind: 'bomb', detail: 'a block that unpacks to very much' })

export const CUT_OFF = broken('a header block that ends within a field')
export const BAD_INTEGER = broken('an integer that is too large')
export const BAD_INDEX = broken('an index that no table has')
export const BAD_HUFFMAN = broken('a malformed Huffman string')
export const LATE_UPDATE = broken('a table size update behind a field')
export const LARGE_UPDATE = broken('a table size update beyond what we allow')
export const MISSING_UPDATE = broken('no table size update after we allowed less')
