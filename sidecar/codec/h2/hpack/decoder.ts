import { VALUE_BYTES } from '../../../http/mod.ts'
import { DEFAULT_TABLE_BYTES, DynamicTable } from './dynamic-table.ts'
import {
  BAD_HUFFMAN,
  BAD_INDEX,
  BAD_INTEGER,
  BOMB,
  CUT_OFF,
  type HpackFault,
  LARGE_UPDATE,
  LATE_UPDATE,
  MISSING_UPDATE,
  TOO_LARGE,
} from './fault.ts'
import { type Classify, FIELD_OVERHEAD_BYTES, type FieldSink, HpackField } from './field.ts'
import { decodeHuffman } from './huffman.ts'
import { latin1Text } from './latin1.ts'
import { STATIC_FIELDS, staticName, staticValue } from './static-table.ts'

/** The most that a field may take, and a table, whatever the caller allows: room for the largest head that anything of ours takes, counted with its overhead. */
export const DECODED_BYTES_MAX = 128 * 1024
/** A block that unpacks to so many times the limit was made to do harm; up to there a peer's mistake costs its stream only. */
const BOMB_FACTOR = 16
/** Blocks up to here become text as one, of which the values are pieces: the text of one value costs as much as that of all. */
const BLOCK_TEXT_BYTES_MAX = 512
/** Bytes of an integer behind its prefix: 28 bits, more than any length or index that is meant. */
const INTEGER_BYTES_MAX = 4

/** Where Huffman strings are decoded to, before they become text. It holds nothing between two calls. */
const scratch = Buffer.alloc(DECODED_BYTES_MAX)

/**
 * Decodes the header blocks of one direction of one connection, in the order in which they came (RFC 7541).
 * What a peer can make it keep is its table, and, while a block is decoded, one field of at most DECODED_BYTES_MAX.
 */
export class HpackDecoder {
  private readonly classify: Classify
  private readonly statics: readonly HpackField[]
  private readonly table: DynamicTable<HpackField>
  /** The most that a table size update may ask for. */
  private allowedBytes: number
  private fatal: HpackFault | undefined = undefined
  /** Where the block is read: the methods that read integers and strings move it on. */
  private at = 0
  /** Of the string that was read last: its length once decoded, which counts even where no text is made. */
  private length = 0
  /** Whether each of its bytes may stand in a value. */
  private clean = true
  private problem: HpackFault = CUT_OFF
  /** The block from `textFrom` on, once anything of it was wanted as text. */
  private text = ''
  private textFrom = 0

  /** `tableBytes` is what our SETTINGS_HEADER_TABLE_SIZE says. Until the peer has read it, it goes by the default. */
  constructor(tableBytes: number, classify: Classify) {
    this.classify = classify
    this.statics = staticFields(classify)
    this.allowedBytes = Math.max(Math.min(tableBytes, DECODED_BYTES_MAX), DEFAULT_TABLE_BYTES)
    this.table = new DynamicTable(DEFAULT_TABLE_BYTES)
  }

  /** The peer has acknowledged SETTINGS with this table size: from its next block on it keeps to it (RFC 7541, 4.2). */
  allowTable(tableBytes: number): void {
    this.allowedBytes = Math.min(tableBytes, DECODED_BYTES_MAX)
  }

  /**
   * Decodes one whole block, `block[from..to]`, and hands over its fields in their order. `maxDecodedBytes` bounds the sum of their sizes
   * as RFC 7541, 4.1 counts them, which is how SETTINGS_MAX_HEADER_LIST_SIZE counts (RFC 9113, 6.5.2). Once it is passed, the sink hears
   * no more and the tables are still kept in step. After a fault other than `too-large`, every call answers with it.
   *
   * One loop on purpose: it runs for each field of each request.
   */
  decode(block: Buffer, from: number, to: number, sink: FieldSink, maxDecodedBytes: number): HpackFault | undefined {
    if (this.fatal !== undefined) return this.fatal
    const bytesMax = Math.min(maxDecodedBytes, DECODED_BYTES_MAX)
    let decodedBytes = 0
    let heard = true
    let first = true
    this.at = from
    this.textFrom = from
    while (this.at < to) {
      const byte = block[this.at]!
      if (byte >= 0x20 && byte < 0x40) {
        if (!first) return this.fail(LATE_UPDATE)
        if (!this.updateSize(block, to)) return this.fail(this.problem)
        continue
      }
      if (first) {
        if (this.table.maxBytes > this.allowedBytes) return this.fail(MISSING_UPDATE)
        first = false
      }
      let field: HpackField | undefined
      if (byte >= 0x80) {
        let index = byte & 0x7f
        this.at++
        if (index === 0x7f) index = this.integer(block, to, 0x7f)
        field = index <= STATIC_FIELDS ? this.statics[index] : this.table.entry(index - STATIC_FIELDS - 1)
        if (field === undefined || index === 0) return this.fail(index < 0 ? this.problem : BAD_INDEX)
        decodedBytes += field.size
      } else {
        field = this.literal(block, to, byte, heard ? bytesMax - decodedBytes : 0)
        if (field !== undefined) decodedBytes += field.size
        else if (this.length < 0) return this.fail(this.problem)
        else decodedBytes += this.length
      }
      if (decodedBytes > bytesMax) {
        if (decodedBytes > bytesMax * BOMB_FACTOR) return this.fail(BOMB)
        heard = false
      } else if (heard) heard = sink.field(field!)
    }
    // Nothing of a block is kept for longer than those who heard its fields keep them.
    this.text = ''
    return decodedBytes > bytesMax ? TOO_LARGE : undefined
  }

  private fail(fault: HpackFault): HpackFault {
    this.fatal = fault
    // Nobody can use what it holds any more.
    this.table.resize(0)
    return fault
  }

  /**
   * A field with its text (RFC 7541, 6.2), entered in the table where it says so. Undefined when it is larger than `room` and the table, and no
   * text was made: `length` is its size then, or -1 for a fault.
   */
  private literal(block: Buffer, to: number, byte: number, room: number): HpackField | undefined {
    const { table } = this
    const indexing = byte >= 0x40
    const mask = indexing ? 0x3f : 0x0f
    const bytesMax = indexing && table.maxBytes > room ? table.maxBytes : room
    let index = byte & mask
    this.at++
    if (index === mask) index = this.integer(block, to, mask)
    let name: string
    let nameBytes: number
    let nameKind: number
    if (index === 0) {
      name = this.string(block, to, bytesMax - FIELD_OVERHEAD_BYTES, indexing)
      if (this.length < 0) return undefined
      nameBytes = this.length
      nameKind = this.classify.name(name)
    } else {
      const named = index <= STATIC_FIELDS ? this.statics[index] : table.entry(index - STATIC_FIELDS - 1)
      if (named === undefined) return this.refuse(index < 0 ? this.problem : BAD_INDEX)
      name = named.name
      nameBytes = name.length
      nameKind = named.nameKind
    }
    const value = this.string(block, to, bytesMax - FIELD_OVERHEAD_BYTES - nameBytes, indexing)
    if (this.length < 0) return undefined
    const size = nameBytes + this.length + FIELD_OVERHEAD_BYTES
    if (size > bytesMax) {
      if (indexing) table.clear()
      this.length = size
      return undefined
    }
    const kind = this.classify.field(nameKind, value, this.clean)
    const field = new HpackField(name, value, nameKind, kind, byte >= 0x10 && !indexing)
    if (indexing) table.insert(field)
    return field
  }

  /**
   * A string (RFC 7541, 5.2), as text when it isn't longer than `bytesMax`; `own`: it will be kept, and must not keep its block alive.
   * Sets `length`, to -1 for a fault, and `clean`.
   */
  private string(block: Buffer, to: number, bytesMax: number, own: boolean): string {
    if (this.at >= to) return this.refuse(CUT_OFF) ?? ''
    const byte = block[this.at++]!
    let bytes = byte & 0x7f
    if (bytes === 0x7f) bytes = this.integer(block, to, 0x7f)
    if (bytes < 0) return this.refuse(this.problem) ?? ''
    const start = this.at
    const end = start + bytes
    if (end > to) return this.refuse(CUT_OFF) ?? ''
    this.at = end
    if (byte < 0x80) {
      this.length = bytes
      if (bytes > bytesMax) return ''
      this.clean = isClean(block, start, end)
      return own || to - this.textFrom > BLOCK_TEXT_BYTES_MAX
        ? latin1Text(block, start, end)
        : this.piece(block, start, end, to)
    }
    const length = decodeHuffman(block, start, end, scratch)
    if (length < 0) return this.refuse(BAD_HUFFMAN) ?? ''
    this.length = length
    if (length > bytesMax) return ''
    this.clean = isClean(scratch, 0, length)
    return latin1Text(scratch, 0, length)
  }

  private piece(block: Buffer, start: number, end: number, to: number): string {
    if (this.text === '') {
      this.textFrom = start
      this.text = latin1Text(block, start, to)
    }
    return this.text.slice(start - this.textFrom, end - this.textFrom)
  }

  /** The rest of an integer whose prefix is full (RFC 7541, 5.1), or -1 for a fault (see `problem`). */
  private integer(block: Buffer, to: number, prefix: number): number {
    let value = prefix
    for (let shift = 0; shift < INTEGER_BYTES_MAX * 7; shift += 7) {
      if (this.at >= to) {
        this.problem = CUT_OFF
        return -1
      }
      const byte = block[this.at++]!
      value += (byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
    this.problem = BAD_INTEGER
    return -1
  }

  private updateSize(block: Buffer, to: number): boolean {
    let bytes = block[this.at++]! & 0x1f
    if (bytes === 0x1f) bytes = this.integer(block, to, 0x1f)
    if (bytes < 0) return false
    if (bytes > this.allowedBytes) {
      this.problem = LARGE_UPDATE
      return false
    }
    this.table.resize(bytes)
    return true
  }

  private refuse(problem: HpackFault): undefined {
    this.problem = problem
    this.length = -1
    return undefined
  }
}

function isClean(bytes: Uint8Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (VALUE_BYTES[bytes[i]!] === 0) return false
  return true
}

const staticFieldsOf = new WeakMap<Classify, readonly HpackField[]>()

/** The static table as `classify` sees it, by index: the same for all connections of one kind. */
function staticFields(classify: Classify): readonly HpackField[] {
  const known = staticFieldsOf.get(classify)
  if (known !== undefined) return known
  const fields: HpackField[] = [new HpackField('', '', 0, 0, false)]
  for (let index = 1; index <= STATIC_FIELDS; index++) {
    const name = staticName(index)
    const value = staticValue(index)
    const nameKind = classify.name(name)
    fields.push(new HpackField(name, value, nameKind, classify.field(nameKind, value, true), false))
  }
  staticFieldsOf.set(classify, fields)
  return fields
}
