/** Numbers that `marks` holds for each field: where its line, the end of its name, its value and the end of its value are. */
const MARKS = 4

/** Bits of a number that can be told apart by their sign's being free. */
const REMOVAL_BITS = 30

/** `forEach` for who writes heads: no closure for each. */
export interface FieldVisitor {
  visitField(name: string, value: string): void
}

/**
 * The fields of one head, names and values as they came (order and case). What nobody touches stays one piece of text and is
 * written as it was read; a removed field leaves a gap, a new one stands at the end. Names in arguments are in lower case.
 */
export class Headers {
  /** The text that `marks` points into: whole lines, each ended by CRLF. Values are latin1, as on the wire. */
  private readonly text: string
  private readonly marks: number[]
  private readonly start: number
  private readonly end: number
  /** Whether a field of `text` is gone; its name's end then equals its start. */
  private gaps: boolean
  /** Name, value, name, value. */
  private extra: string[] | undefined = undefined
  /** Names, pseudo-fields among them, whose values came as what no table of HTTP/2 may hold, here or further on (RFC 7541, 6.2.3). */
  neverIndexed: ReadonlySet<string> | undefined = undefined

  /** For codecs. `marks` has four numbers a field (line start, name end, value start, value end), lines without a break between them. */
  constructor(text: string, marks: number[], start: number, end: number, gaps: boolean) {
    this.text = text
    this.marks = marks
    this.start = start
    this.end = end
    this.gaps = gaps
  }

  static empty(): Headers {
    return new Headers('', [], 0, 0, false)
  }

  static of(pairs: Iterable<readonly [name: string, value: string]>): Headers {
    const headers = Headers.empty()
    for (const [name, value] of pairs) headers.add(name, value)
    return headers
  }

  /** The value of a field; several of one name are joined by a comma, as RFC 9110, 5.2 has it. */
  get(lowerName: string): string | undefined {
    let found: string | undefined
    const { marks, text } = this
    for (let i = 0; i < marks.length; i += MARKS) {
      if (sameName(text, marks[i]!, marks[i + 1]!, lowerName)) {
        const value = text.slice(marks[i + 2], marks[i + 3])
        found = found === undefined ? value : `${found}, ${value}`
      }
    }
    const { extra } = this
    if (extra !== undefined) {
      for (let i = 0; i < extra.length; i += 2) {
        const name = extra[i]!
        if (sameName(name, 0, name.length, lowerName))
          found = found === undefined ? extra[i + 1]! : `${found}, ${extra[i + 1]!}`
      }
    }
    return found
  }

  has(lowerName: string): boolean {
    return this.get(lowerName) !== undefined
  }

  /** Appends a field. The caller answers for name and value being free of CR, LF and NUL. */
  add(name: string, value: string): void {
    this.extra ??= []
    this.extra.push(name, value)
  }

  /** Replaces every field of that name by one. */
  set(name: string, value: string): void {
    this.remove(name.toLowerCase())
    this.add(name, value)
  }

  remove(lowerName: string): void {
    this.removeWhere((text, from, to) => sameName(text, from, to, lowerName))
  }

  /** Writes names otherwise, by their lower-case form; their order and what they mean stay. Costs as much as reading the head did. */
  rename(byLower: ReadonlyMap<string, string>): void {
    const fields: string[] = []
    this.forEach((name, value) => {
      const lower = name.toLowerCase()
      const written = byLower.get(lower)
      fields.push(written !== undefined && written.toLowerCase() === lower ? written : name, value)
    })
    this.removeWhere(() => true)
    this.extra = fields
  }

  /**
   * Removes every field whose name begins so. An underscore counts as a hyphen: gateways to CGI and WSGI make `X_Selvedge_Caller` and
   * `X-Selvedge-Caller` one name, so what is removed for safety has to go in both spellings.
   */
  removePrefix(lowerPrefix: string): void {
    this.removeWhere((text, from, to) => to - from >= lowerPrefix.length && beginsWith(text, from, lowerPrefix))
  }

  private removeWhere(matches: (text: string, from: number, to: number) => boolean): void {
    const { marks, text } = this
    for (let i = 0; i < marks.length; i += MARKS) {
      if (marks[i + 1]! > marks[i]! && matches(text, marks[i]!, marks[i + 1]!)) {
        marks[i + 1] = marks[i]!
        this.gaps = true
      }
    }
    const { extra } = this
    if (extra === undefined) return
    let kept = 0
    for (let i = 0; i < extra.length; i += 2) {
      if (matches(extra[i]!, 0, extra[i]!.length)) continue
      extra[kept] = extra[i]!
      extra[kept + 1] = extra[i + 1]!
      kept += 2
    }
    extra.length = kept
  }

  /** What was read, whole: kept fields and removed ones. With `removals` it tells whether two heads hold the same. */
  get baseText(): string {
    return this.text.slice(this.start, this.end)
  }

  /** A bit for each field of `baseText` that was removed; -1 where a number has too few bits. */
  get removals(): number {
    if (!this.gaps) return 0
    const { marks } = this
    if (marks.length > MARKS * REMOVAL_BITS) return -1
    let bits = 0
    for (let i = 0; i < marks.length; i += MARKS) if (marks[i + 1]! <= marks[i]!) bits |= 1 << (i / MARKS)
    return bits
  }

  /** What its fields take as text, at most. */
  get textBytesMax(): number {
    let bytes = this.end - this.start
    const { extra } = this
    if (extra !== undefined) for (const text of extra) bytes += text.length + 2
    return bytes
  }

  /** How many fields there were and were added. */
  get fieldsMax(): number {
    return this.marks.length / MARKS + (this.extra === undefined ? 0 : this.extra.length / 2)
  }

  /** The fields of `baseText` that are kept. */
  visitBase(visitor: FieldVisitor): void {
    const { marks, text } = this
    for (let i = 0; i < marks.length; i += MARKS) {
      if (marks[i + 1]! > marks[i]!)
        visitor.visitField(text.slice(marks[i], marks[i + 1]), text.slice(marks[i + 2], marks[i + 3]))
    }
  }

  /** The fields that were added. */
  visitAdded(visitor: FieldVisitor): void {
    const { extra } = this
    if (extra !== undefined) for (let i = 0; i < extra.length; i += 2) visitor.visitField(extra[i]!, extra[i + 1]!)
  }

  forEach(visit: (name: string, value: string) => void): void {
    const { marks, text, extra } = this
    for (let i = 0; i < marks.length; i += MARKS) {
      if (marks[i + 1]! > marks[i]!) visit(text.slice(marks[i], marks[i + 1]), text.slice(marks[i + 2], marks[i + 3]))
    }
    if (extra !== undefined) for (let i = 0; i < extra.length; i += 2) visit(extra[i]!, extra[i + 1]!)
  }

  /** HTTP/1.1 field lines, each with its CRLF. */
  toText(): string {
    let out = this.gaps ? this.withoutGaps() : this.text.slice(this.start, this.end)
    const { extra } = this
    if (extra !== undefined) for (let i = 0; i < extra.length; i += 2) out += `${extra[i]}: ${extra[i + 1]}\r\n`
    return out
  }

  /** Copies runs of kept lines, not line by line. */
  private withoutGaps(): string {
    const { marks, text } = this
    let out = ''
    let runStart = -1
    for (let i = 0; i < marks.length; i += MARKS) {
      const kept = marks[i + 1]! > marks[i]!
      if (kept && runStart === -1) runStart = marks[i]!
      else if (!kept && runStart !== -1) {
        out += text.slice(runStart, marks[i])
        runStart = -1
      }
    }
    return runStart === -1 ? out : out + text.slice(runStart, this.end)
  }
}

function beginsWith(text: string, from: number, lowerPrefix: string): boolean {
  for (let i = 0; i < lowerPrefix.length; i++) {
    const c = text.charCodeAt(from + i)
    if ((c >= 65 && c <= 90 ? c | 32 : c === 95 ? 45 : c) !== lowerPrefix.charCodeAt(i)) return false
  }
  return true
}

/** Whether `text[from..to]` is `lower`, without regard to case. */
function sameName(text: string, from: number, to: number, lower: string): boolean {
  if (to - from !== lower.length) return false
  for (let i = 0; i < lower.length; i++) {
    const c = text.charCodeAt(from + i)
    if ((c >= 65 && c <= 90 ? c | 32 : c) !== lower.charCodeAt(i)) return false
  }
  return true
}
