import { type FieldVisitor, type Headers, ownText, type RequestHead, type ResponseHead } from '../../http/mod.ts'
import { EDGE_FIELD, EDGE_HTTP2 } from './classify.ts'
import { BEGIN_BYTES_MAX, HpackEncoder } from './hpack/mod.ts'

/** What a field takes besides its text, at most. */
const FIELD_BYTES = 16
/** Pseudo-fields besides their text, and what we add. */
const FIXED_BYTES = 160
/** Heads that are remembered on a connection: an application makes few that differ in what it says each time. */
const MEMOS = 4
const MEMO_BYTES_MAX = 4_096

/** Fields that were written when the table was as it is now, and how. */
interface Memo {
  readonly text: string
  readonly removals: number
  readonly generation: number
  readonly bytes: Buffer
}

/**
 * Writes the header blocks of one direction of one connection (RFC 9113, 8.2 and 8.3). Applications say nearly the same with each request: fields that were
 * written before, with the same table, are copied.
 */
export class HeadWriter implements FieldVisitor {
  private readonly encoder: HpackEncoder
  private into: Buffer = NOWHERE
  private at = 0
  /** Names of the head that is being written whose values no table may hold. */
  private secrets: ReadonlySet<string> | undefined = undefined
  private readonly memos: Memo[] = []
  private nextMemo = 0
  /** Samples of the last two texts that weren't known: only what comes again is worth remembering. */
  private lately = 0
  private before = 0

  constructor(tableBytes: number) {
    this.encoder = new HpackEncoder(tableBytes)
  }

  setPeerTableSize(bytes: number): void {
    this.encoder.setPeerTableSize(bytes)
  }

  /** Room that a request's block may need. */
  requestBytesMax({ method, target, authority, headers, upgrade }: RequestHead): number {
    return fieldsBytesMax(headers) + method.length + target.length + authority.length + (upgrade?.length ?? 0)
  }

  responseBytesMax({ headers }: ResponseHead): number {
    return fieldsBytesMax(headers)
  }

  trailersBytesMax(headers: Headers): number {
    return fieldsBytesMax(headers)
  }

  /** Returns the offset behind the block. `edge`: the far sidecar is to know that the application speaks HTTP/2. */
  request(head: RequestHead, into: Buffer, at: number, edge: boolean): number {
    const { encoder } = this
    const { method, target, authority, upgrade } = head
    this.secrets = head.headers.neverIndexed
    let next = encoder.begin(into, at)
    const connect = method === 'CONNECT' || upgrade !== undefined
    next = encoder.field(into, next, ':method', connect ? 'CONNECT' : method)
    if (!connect || upgrade !== undefined) {
      next = encoder.field(into, next, ':scheme', 'http')
      next = this.field(into, next, ':path', target)
    }
    next = this.field(into, next, ':authority', authority)
    if (upgrade !== undefined) next = encoder.field(into, next, ':protocol', upgrade)
    next = this.fields(head.headers, into, next)
    if (edge && head.httpVersion === 2) next = encoder.field(into, next, EDGE_FIELD, EDGE_HTTP2)
    return next
  }

  response({ status, headers }: ResponseHead, into: Buffer, at: number): number {
    // A tunnel begins with a 2xx here (RFC 8441, 5).
    const next = this.encoder.status(into, this.encoder.begin(into, at), status === 101 ? 200 : status)
    return this.fields(headers, into, next)
  }

  trailers(headers: Headers, into: Buffer, at: number): number {
    return this.fields(headers, into, this.encoder.begin(into, at))
  }

  visitField(name: string, value: string): void {
    const lower = name.toLowerCase()
    switch (lower) {
      // It is the authority here.
      case 'host':
      case 'http2-settings':
        return
      case 'te':
        if (value !== 'trailers') return
        break
      default:
    }
    this.at = this.field(this.into, this.at, lower, value)
  }

  /** What came as never indexed leaves so (RFC 7541, 6.2.3). */
  private field(into: Buffer, at: number, name: string, value: string): number {
    const { secrets, encoder } = this
    if (secrets?.has(name) === true) return encoder.sensitive(into, at, name, value)
    return encoder.field(into, at, name, value)
  }

  private fields(headers: Headers, into: Buffer, at: number): number {
    const text = headers.baseText
    this.into = into
    this.at = at
    this.secrets = headers.neverIndexed
    if (text.length > 0) {
      // The same text may have come with other secrets before.
      const removals = this.secrets === undefined ? headers.removals : -1
      const { generation, learning } = this.encoder
      const known = removals === -1 ? undefined : this.recall(text, removals, generation)
      if (known !== undefined) this.at = at + known.copy(into, at)
      else {
        headers.visitBase(this)
        // What was entered in the table, or will be, is said otherwise the next time.
        const same = this.encoder.generation === generation && this.encoder.learning === learning
        if (same && removals !== -1 && text.length <= MEMO_BYTES_MAX && this.comesAgain(text)) {
          this.remember({ text: ownText(text), removals, generation, bytes: Buffer.from(into.subarray(at, this.at)) })
        }
      }
    }
    headers.visitAdded(this)
    this.into = NOWHERE
    this.secrets = undefined
    return this.at
  }

  private comesAgain(text: string): boolean {
    const sampled = sample(text)
    if (sampled === this.lately || sampled === this.before) return true
    this.before = this.lately
    this.lately = sampled
    return false
  }

  private recall(text: string, removals: number, generation: number): Buffer | undefined {
    for (const memo of this.memos) {
      if (memo.generation === generation && memo.removals === removals && memo.text === text) return memo.bytes
    }
    return undefined
  }

  private remember(memo: Memo): void {
    this.memos[this.nextMemo] = memo
    this.nextMemo = (this.nextMemo + 1) % MEMOS
  }
}

const NOWHERE = Buffer.alloc(0)

/** A number that different heads seldom share: of a trace's identifier, some digits are always looked at. */
function sample(text: string): number {
  let sum = text.length
  const step = (text.length >> 5) + 1
  for (let i = text.length - 1; i >= 0; i -= step) sum = (Math.imul(sum, 31) + text.charCodeAt(i)) | 0
  return sum
}

function fieldsBytesMax(headers: Headers): number {
  return BEGIN_BYTES_MAX + FIXED_BYTES + headers.textBytesMax + headers.fieldsMax * FIELD_BYTES
}
