/** What a field of the table takes besides its text (RFC 7541, 4.1). */
export const FIELD_OVERHEAD_BYTES = 32

/** A field as the tables hold it. Name and value are latin1, as on the wire; nobody has checked them but a `Classify`. */
export class HpackField {
  readonly name: string
  readonly value: string
  /** RFC 7541, 4.1: name, value and FIELD_OVERHEAD_BYTES. */
  readonly size: number
  /** What `Classify` said of it. A field that comes by its index costs one read of this. */
  readonly kind: number
  /** What `Classify` said of its name, for fields that take their name from this one. */
  readonly nameKind: number
  /** The peer wants it kept out of all tables: whoever hands it on says the same (RFC 7541, 6.2.3). */
  readonly neverIndexed: boolean
  private text = ''

  constructor(name: string, value: string, nameKind: number, kind: number, neverIndexed: boolean) {
    this.name = name
    this.value = value
    this.size = name.length + value.length + FIELD_OVERHEAD_BYTES
    this.kind = kind
    this.nameKind = nameKind
    this.neverIndexed = neverIndexed
  }

  /** `name: value` and CRLF, as HTTP/1.1 writes it; made once. */
  get line(): string {
    if (this.text === '') this.text = `${this.name}: ${this.value}\r\n`
    return this.text
  }
}

/** The session's own facts of a field, as numbers of its choice: whether it is a pseudo-field, malformed, and so on. */
export interface Classify {
  /** What the name alone says. Not asked again for a name that stands in a table. */
  name(name: string): number
  /** What the whole field is. `nameKind` is what the name said; `clean`: each byte of the value may stand in one (RFC 9110, 5.5). */
  field(nameKind: number, value: string, clean: boolean): number
}

export interface FieldSink {
  /** The next field of the block. False: hand over no more of this block. */
  field(field: HpackField): boolean
}
