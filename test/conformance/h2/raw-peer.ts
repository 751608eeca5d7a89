import type { Socket } from 'node:net'
import { type Classify, HpackDecoder } from '../../../sidecar/codec/h2/mod.ts'
import {
  ACK,
  block,
  contentOf,
  data,
  END_HEADERS,
  END_STREAM,
  type Frame,
  headers,
  type Pair,
  PREFACE,
  ping,
  readFrames,
  settings,
  settingsAck,
  TYPE,
  windowUpdate,
} from './wire.ts'

const WAIT_MS = 5_000
const NO_FACTS: Classify = { name: () => 0, field: () => 0 }

/** What came on one stream. */
export interface StreamSeen {
  /** Header blocks in their order: heads, interim ones too, then trailers. */
  readonly heads: Pair[][]
  body: Buffer[]
  ended: boolean
  /** The code of its RST_STREAM. */
  reset: number | undefined
}

export interface GoawaySeen {
  readonly last: number
  readonly code: number
  readonly debug: string
}

export interface RawWish {
  /** Settings of ours. */
  readonly settings?: readonly (readonly [id: number, value: number])[]
  /** Answers SETTINGS and PING as it should. */
  readonly polite?: boolean
  /** Gives windows back as data comes. */
  readonly reading?: boolean
}

/** One end of an HTTP/2 connection, made by hand: it sends what it is told to, and keeps what comes. */
export class RawPeer {
  readonly socket: Socket
  readonly frames: Frame[] = []
  readonly streams = new Map<number, StreamSeen>()
  readonly goaways: GoawaySeen[] = []
  closed: 'no' | 'end' | 'reset' = 'no'
  reading: boolean
  /** Called for each frame once it is kept. */
  onFrame: (frame: Frame) => void = () => undefined
  /** Header blocks come through it in their order. */
  readonly decoder = new HpackDecoder(4096, NO_FACTS)
  private readonly polite: boolean
  private preface: number
  private held: Buffer = Buffer.alloc(0)
  private fragments: Buffer[] = []
  /** What we may send: of the connection under 0. */
  private readonly windows = new Map<number, number>([[0, 65_535]])
  private initialWindow = 65_535
  private readonly waiting = new Set<() => void>()

  private constructor(socket: Socket, { polite = true, reading = true }: RawWish, preface: number) {
    this.socket = socket
    this.polite = polite
    this.reading = reading
    this.preface = preface
    socket.on('data', (chunk: Buffer) => this.take(chunk))
    socket.on('end', () => this.close('end'))
    socket.on('error', () => this.close('reset'))
    socket.on('close', () => this.close('reset'))
  }

  static client(socket: Socket, wish: RawWish = {}): RawPeer {
    const peer = new RawPeer(socket, wish, 0)
    peer.send(PREFACE, settings(...(wish.settings ?? [])))
    return peer
  }

  static server(socket: Socket, wish: RawWish = {}): RawPeer {
    const peer = new RawPeer(socket, wish, PREFACE.length)
    peer.send(settings(...(wish.settings ?? [])))
    return peer
  }

  /** Says nothing of its own. */
  static bare(socket: Socket): RawPeer {
    return new RawPeer(socket, {}, 0)
  }

  /** As bytes, in one piece. */
  send(...parts: readonly Buffer[]): void {
    this.socket.write(Buffer.concat(parts))
  }

  request(stream: number, fields: readonly Pair[], body?: string | Buffer): void {
    const end = body === undefined ? END_STREAM : 0
    this.send(
      headers(stream, block(fields), END_HEADERS | end),
      ...(body === undefined ? [] : [data(stream, body, END_STREAM)]),
    )
  }

  /** A whole answer, without a body. */
  answerWith(stream: number, fields: readonly Pair[]): void {
    this.send(headers(stream, block(fields), END_HEADERS | END_STREAM))
  }

  seen(stream: number): StreamSeen {
    let seen = this.streams.get(stream)
    if (seen === undefined) {
      seen = { heads: [], body: [], ended: false, reset: undefined }
      this.streams.set(stream, seen)
    }
    return seen
  }

  bodyOf(stream: number): string {
    return Buffer.concat(this.seen(stream).body).toString('latin1')
  }

  /** The fields of the final head on a stream. */
  headOf(stream: number): ReadonlyMap<string, string> | undefined {
    const head = this.seen(stream).heads.find(fields => !/^1/.test(fields[0]![1]))
    return head === undefined ? undefined : new Map(head)
  }

  /** Settles when `look` finds something; fails when the connection ends without it. */
  when<T>(look: () => T | undefined, what = look.toString()): Promise<T> {
    return new Promise((resolve, reject) => {
      const settle = (how: () => void): void => {
        clearTimeout(timer)
        this.waiting.delete(waiter)
        how()
      }
      const fail = (why: string): void => settle(() => reject(new Error(`${why}: ${what}; ${this.summary()}`)))
      const timer = setTimeout(() => fail(`not within ${WAIT_MS} ms`), WAIT_MS)
      const waiter = (): void => {
        const found = look()
        if (found !== undefined) settle(() => resolve(found))
        else if (this.closed !== 'no') fail(`closed (${this.closed})`)
      }
      this.waiting.add(waiter)
      waiter()
    })
  }

  /** The whole answer on a stream. */
  async answer(stream: number): Promise<{ head: ReadonlyMap<string, string>; body: string; trailers: Pair[] }> {
    await this.when(() => this.seen(stream).ended || undefined, `the end of stream ${stream}`)
    const { heads } = this.seen(stream)
    const final = heads.findIndex(fields => !/^1/.test(fields[0]![1]))
    return { head: new Map(heads[final]!), body: this.bodyOf(stream), trailers: heads[final + 1] ?? [] }
  }

  reset(stream: number): Promise<number> {
    return this.when(() => this.seen(stream).reset, `RST_STREAM on ${stream}`)
  }

  goaway(): Promise<GoawaySeen> {
    return this.when(() => this.goaways.at(-1), 'GOAWAY')
  }

  ended(): Promise<'end' | 'reset'> {
    return this.when(() => (this.closed === 'no' ? undefined : this.closed), 'the end of the connection')
  }

  /** Everything that was sent before this has been dealt with. */
  async sync(): Promise<void> {
    const mark = Buffer.from(`sync${String(++this.marks).padStart(4, '0')}`)
    this.send(ping(0, mark))
    await this.when(
      () => this.frames.find(({ type, flags, payload }) => type === TYPE.PING && flags === ACK && payload.equals(mark)),
      'an answer to PING',
    )
  }
  private marks = 0

  /** What may be sent on a stream now; what was sent is said by `spendWindow`. */
  windowOf(stream: number): () => number {
    if (!this.windows.has(stream)) this.windows.set(stream, this.initialWindow)
    return () => Math.min(this.windows.get(0)!, this.windows.get(stream)!)
  }

  spendWindow(stream: number, bytes: number): void {
    for (const id of [0, stream]) this.windows.set(id, this.windows.get(id)! - bytes)
  }

  destroy(): void {
    this.socket.destroy()
  }

  private summary(): string {
    const last = this.frames.slice(-8).map(({ type, flags, stream, payload }) => {
      return `${type}/${flags}/${stream}:${payload.toString('hex', 0, 16)}`
    })
    return `last of ${this.frames.length} frames: ${last.join(' ')}`
  }

  private take(chunk: Buffer): void {
    let bytes = chunk
    if (this.preface > 0) {
      const dropped = Math.min(this.preface, bytes.length)
      this.preface -= dropped
      bytes = bytes.subarray(dropped)
    }
    const { frames, rest } = readFrames(this.held.length === 0 ? bytes : Buffer.concat([this.held, bytes]))
    this.held = rest
    for (const frame of frames) this.keep(frame)
    this.tell()
  }

  private keep(frame: Frame): void {
    const { type, flags, stream, payload } = frame
    this.frames.push(frame)
    switch (type) {
      case TYPE.DATA: {
        const seen = this.seen(stream)
        seen.body.push(contentOf(frame))
        if ((flags & END_STREAM) !== 0) seen.ended = true
        if (this.reading && payload.length > 0)
          this.send(windowUpdate(0, payload.length), windowUpdate(stream, payload.length))
        break
      }
      case TYPE.HEADERS:
      case TYPE.CONTINUATION:
        this.fragments.push(contentOf(frame))
        if (type === TYPE.HEADERS && (flags & END_STREAM) !== 0) this.seen(stream).ended = true
        if ((flags & END_HEADERS) !== 0) this.decode(stream)
        break
      case TYPE.RST_STREAM:
        this.seen(stream).reset = payload.readUInt32BE(0)
        break
      case TYPE.WINDOW_UPDATE:
        this.windows.set(stream, (this.windows.get(stream) ?? this.initialWindow) + payload.readUInt32BE(0))
        break
      case TYPE.SETTINGS:
        for (let at = 0; at < payload.length; at += 6) {
          if (payload.readUInt16BE(at) === 4) this.initialWindow = payload.readUInt32BE(at + 2)
        }
        if (this.polite && (flags & ACK) === 0) this.send(settingsAck())
        break
      case TYPE.PING:
        if (this.polite && (flags & ACK) === 0) this.send(ping(ACK, payload))
        break
      case TYPE.GOAWAY:
        this.goaways.push({
          last: payload.readUInt32BE(0),
          code: payload.readUInt32BE(4),
          debug: payload.toString('latin1', 8),
        })
        break
    }
    this.onFrame(frame)
  }

  private decode(stream: number): void {
    const bytes = Buffer.concat(this.fragments)
    this.fragments = []
    const fields: Pair[] = []
    const sink = { field: ({ name, value }: { name: string; value: string }) => fields.push([name, value]) > 0 }
    const fault = this.decoder.decode(bytes, 0, bytes.length, sink, 128 * 1024)
    if (fault !== undefined) throw new Error(`a header block that can't be read: ${fault.detail}`)
    this.seen(stream).heads.push(fields)
  }

  private close(how: 'end' | 'reset'): void {
    if (this.closed === 'no') this.closed = how
    this.tell()
  }

  private tell(): void {
    for (const waiter of [...this.waiting]) waiter()
  }
}
