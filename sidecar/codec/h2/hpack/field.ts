/** What a field of the table takes besides its text (RFC 7541, 4.1). */
export const FIELD_OVERHEAD_BYTES = 32

/** A field as the tables hold it. Name and value are latin1, as on the wire; nobody has checked them but `classify`. */
export class HpackField {
  readonly name: string
  readonly value: string
  /** RFC 7541, 4.1: name, value and FIELD_OVERHEAD_BYTES. */
  readonly size: number
  /** What `classify` said of name and value. A field that comes by its index costs one read of this. */
  readonly kind: number
  /** The peer wants it kept out of all tables: whoever hands it on says the same (RFC 7541, 6.2.3). */
  readonly neverIndexed: boolean
  private text = ''

  constructor(name: string, value: string, kind: number, neverIndexed: boolean) {
    this.name = name
    this.value = value
    this.size = name.length + value.length + FIELD_OVERHEAD_BYTES
    this.kind = kind
    this.neverIndexed = neverIndexed
  }

  /** `name: value` and CRLF, as HTTP/1.1 writes it; made once. */
  get line(): string {
    if (this.text === '') this.text = `${this.name}: ${this.value}\r\n`
    return this.text
  }
}

/** The session's own facts of a field, as a number of its choice: whether it is a pseudo-header, has bad bytes, and so on. */
export type Classify = (name: string, value: string) => number

export interface FieldSink {
  /** The next field of the block. False: hand over no more of this block. */
  field(field: HpackField): boolean
}
