import { HEAD_FIELDS_MAX } from '../../../common/mod.ts'
import { Headers } from '../../http/mod.ts'
import { EDGE_HTTP2, KIND } from './classify.ts'
import { type FieldSink, type HpackField, isSensitive } from './hpack/mod.ts'

const NO_LENGTH = -1

/**
 * Gathers the fields of one header block: pseudo-fields apart, the others as text in which they stand as HTTP/1.1 would write them, so that a
 * head looks the same whichever codec read it. Used again for each block.
 */
export class HeadFields implements FieldSink {
  method = ''
  scheme = ''
  /** `undefined`: there was none, which differs from an empty one. */
  authority: string | undefined = undefined
  path: string | undefined = undefined
  protocol: string | undefined = undefined
  status = ''
  host: string | undefined = undefined
  /** Bytes; -1 where no field says. */
  contentLength = NO_LENGTH
  traceparent: string | undefined = undefined
  expect: string | undefined = undefined
  hasMeshFields = false
  grpc = false
  /** What the application at the other edge spoke, as its sidecar says. */
  edgeHttp2 = false
  /** Why the block is no head; for logs. */
  malformed = ''

  /** The last authority that was found in order. */
  knownHost = ''

  private text = ''
  private length = 0
  private marks: number[] = []
  private count = 0
  private cookies = ''
  private pseudoOver = false
  private traceparents = 0
  private neverIndexed: Set<string> | undefined = undefined

  begin(): void {
    this.method = ''
    this.scheme = ''
    this.authority = undefined
    this.path = undefined
    this.protocol = undefined
    this.status = ''
    this.host = undefined
    this.contentLength = NO_LENGTH
    this.traceparent = undefined
    this.expect = undefined
    this.hasMeshFields = false
    this.grpc = false
    this.edgeHttp2 = false
    this.malformed = ''
    this.text = ''
    this.length = 0
    this.marks = []
    this.count = 0
    this.cookies = ''
    this.pseudoOver = false
    this.traceparents = 0
    this.neverIndexed = undefined
  }

  field(field: HpackField): boolean {
    const { kind } = field
    if (field.neverIndexed) this.noteNeverIndexed(field.name)
    if (kind === KIND.regular) {
      if (!this.pseudoOver) this.beginFields()
      if (++this.count > HEAD_FIELDS_MAX) return this.refuse('too many fields')
      this.append(field)
      return true
    }
    return this.special(field, kind)
  }

  /** What is one field of HTTP/1.1, and leads the others there (RFC 9110, 7.2). */
  private beginFields(): void {
    this.pseudoOver = true
    const { authority } = this
    if (authority === undefined) return
    this.text = `host: ${authority}\r\n`
    this.length = this.text.length
    this.marks.push(0, 4, 6, this.length - 2)
  }

  /** Of names that are secret by themselves, whoever writes them knows it. */
  private noteNeverIndexed(name: string): void {
    if (isSensitive(name)) return
    this.neverIndexed ??= new Set()
    this.neverIndexed.add(name)
  }

  private append(field: HpackField): void {
    const start = this.length
    const nameEnd = start + field.name.length
    const valueEnd = nameEnd + 2 + field.value.length
    this.text += field.line
    this.marks.push(start, nameEnd, nameEnd + 2, valueEnd)
    this.length = valueEnd + 2
  }

  /** One switch over all kinds of field that mean something to us. */
  private special(field: HpackField, kind: number): boolean {
    const { value } = field
    if (kind === KIND.malformed) return this.refuse('a malformed field')
    if (kind >= KIND.host) {
      if (!this.pseudoOver) this.beginFields()
      if (++this.count > HEAD_FIELDS_MAX) return this.refuse('too many fields')
    } else if (this.pseudoOver) return this.refuse('a pseudo-field behind a field')
    switch (kind) {
      case KIND.method:
        if (this.method !== '') return this.refuse('two methods')
        this.method = value
        return value !== '' || this.refuse('an empty method')
      case KIND.scheme:
        if (this.scheme !== '') return this.refuse('two schemes')
        this.scheme = value
        return value !== '' || this.refuse('an empty scheme')
      case KIND.authority:
        if (this.authority !== undefined) return this.refuse('two authorities')
        this.authority = value
        return true
      case KIND.path:
        if (this.path !== undefined) return this.refuse('two paths')
        this.path = value
        return true
      case KIND.status:
        if (this.status !== '') return this.refuse('two statuses')
        this.status = value
        return value !== '' || this.refuse('an empty status')
      case KIND.protocol:
        if (this.protocol !== undefined) return this.refuse('two protocols')
        this.protocol = value
        return true
      case KIND.host:
        if (this.host !== undefined) return this.refuse('two hosts')
        this.host = value
        // The authority stands there already.
        if (this.authority !== undefined) return true
        break
      case KIND.cookie:
        // Crumbs become one field again (RFC 9113, 8.2.3).
        this.cookies = this.cookies === '' ? value : `${this.cookies}; ${value}`
        return true
      case KIND.contentLength:
        return this.takeLength(field)
      case KIND.traceparent:
        this.traceparents++
        this.traceparent = value
        return true
      case KIND.expect:
        if (this.expect !== undefined) return this.refuse('two expectations')
        this.expect = value
        return true
      case KIND.grpc:
        this.grpc = true
        break
      case KIND.mesh:
        this.hasMeshFields = true
        break
      case KIND.edge:
        this.edgeHttp2 = value === EDGE_HTTP2
        return true
      default:
    }
    this.append(field)
    return true
  }

  private takeLength(field: HpackField): boolean {
    if (this.contentLength !== NO_LENGTH || !/^[0-9]{1,15}$/.test(field.value)) {
      return this.refuse('a malformed content-length')
    }
    this.contentLength = Number(field.value)
    this.append(field)
    return true
  }

  private refuse(why: string): false {
    if (this.malformed === '') this.malformed = why
    return false
  }

  /** Takes the fields out. */
  headers(): Headers {
    if (!this.pseudoOver) this.beginFields()
    const { marks } = this
    let { text } = this
    if (this.cookies !== '') {
      const nameEnd = this.length + 'cookie'.length
      const valueEnd = nameEnd + 2 + this.cookies.length
      text += `cookie: ${this.cookies}\r\n`
      marks.push(this.length, nameEnd, nameEnd + 2, valueEnd)
      this.length = valueEnd + 2
    }
    const headers = new Headers(text, marks, 0, this.length, false)
    headers.neverIndexed = this.neverIndexed
    // Apart from the text, which is then the same for all requests that say the same. Which of several is the true parent can't be told: the trace
    // begins anew, as W3C Trace Context has it for what is malformed.
    if (this.traceparents > 1) this.traceparent = undefined
    else if (this.traceparent !== undefined) headers.add('traceparent', this.traceparent)
    return headers
  }
}
