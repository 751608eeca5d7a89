import type { Socket } from 'node:net'
import { RawPeer } from './raw-peer.ts'
import { block, contentOf, data, END_HEADERS, END_STREAM, headers, type Pair, PREFACE, TYPE } from './wire.ts'

/** One request as the application behind both sidecars has heard it, whichever protocol it came in. */
export interface Heard {
  readonly protocol: 'http1' | 'http2'
  /** `GET /path`, then a line for each field; pseudo-fields are told as HTTP/1.1 would. */
  readonly head: string
  body: string
  trailers: string
  /** It came to its proper end. */
  ended: boolean
  /** It was broken off before that, or reset after it. */
  broken: boolean
}

/** How the application answers one request. */
export interface Reply {
  /** A whole answer. */
  send(status: number, fields: readonly Pair[], body: string, trailers?: readonly Pair[]): void
  /** A head that promises more than is sent; then the end of the stream, or the connection. */
  cut(): void
  /** A body without end, as fast as it is taken. `sent` counts its bytes. */
  pour(): { readonly sent: number; readonly over: boolean }
  /** Reads no more of what comes on this connection. */
  stopReading(): void
  /** A piece of an answer, and its end. */
  begin(fields: readonly Pair[]): { data(text: string): void; end(trailers?: readonly Pair[]): void }
}

const ANSWER_OK = (_: Heard, reply: Reply): void => reply.send(200, [['content-length', '2']], 'ok')

/** An application that speaks HTTP/1.1 and h2c, and keeps what it hears. */
export class Upstream {
  readonly requests: Heard[] = []
  /** Called when a request has come whole. */
  answer: (heard: Heard, reply: Reply) => void = ANSWER_OK
  /** Called when a request's head has come. */
  onHead: (heard: Heard, reply: Reply) => void = () => undefined

  /** All that was heard, as text. */
  get text(): string {
    return this.requests.map(({ head, body, trailers }) => `${head}\r\n${body}${trailers}\n`).join('')
  }

  reset(): void {
    this.requests.length = 0
    this.answer = ANSWER_OK
    this.onHead = () => undefined
  }

  of(path: string): Heard[] {
    return this.requests.filter(({ head }) => head.split(' ')[1] === path)
  }

  readonly accept = (socket: Socket): void => {
    socket.on('error', () => undefined)
    socket.once('data', (first: Buffer) => {
      if (first.subarray(0, 16).equals(PREFACE.subarray(0, 16))) {
        new Http2Upstream(this, RawPeer.server(socket))
        socket.emit('data', first)
      } else new Http1Upstream(this, socket).take(first)
    })
  }
}

class Http2Upstream {
  private readonly upstream: Upstream
  private readonly peer: RawPeer
  private readonly open = new Map<number, Heard>()

  constructor(upstream: Upstream, peer: RawPeer) {
    this.upstream = upstream
    this.peer = peer
    peer.onFrame = frame => {
      const { type, flags, stream } = frame
      if (type === TYPE.HEADERS || type === TYPE.CONTINUATION) {
        if ((flags & END_HEADERS) !== 0) this.fields(stream)
      } else if (type === TYPE.DATA) {
        const heard = this.open.get(stream)
        if (heard !== undefined) heard.body += contentOf(frame).toString('latin1')
      } else if (type === TYPE.RST_STREAM) {
        const heard = this.open.get(stream)
        if (heard !== undefined) heard.broken = true
        this.open.delete(stream)
      }
      const heard = this.open.get(stream)
      if (heard !== undefined && !heard.ended && peer.seen(stream).ended) {
        heard.ended = true
        upstream.answer(heard, this.reply(stream))
      }
    }
    peer.socket.on('end', () => peer.socket.end())
    peer.socket.on('close', () => {
      for (const heard of this.open.values()) heard.broken = true
    })
  }

  private fields(stream: number): void {
    const { heads } = this.peer.seen(stream)
    const fields = heads.at(-1)!
    const lines = fields.filter(([name]) => !name.startsWith(':')).map(([name, value]) => `${name}: ${value}\r\n`)
    const open = this.open.get(stream)
    if (open !== undefined) {
      open.trailers = lines.join('')
      return
    }
    const named = new Map(fields)
    const first = `${named.get(':method')} ${named.get(':path')} HTTP/2\r\nhost: ${named.get(':authority')}\r\n`
    const head = `${first}${lines.join('')}`
    const heard: Heard = { protocol: 'http2', head, body: '', trailers: '', ended: false, broken: false }
    this.open.set(stream, heard)
    this.upstream.requests.push(heard)
    this.upstream.onHead(heard, this.reply(stream))
  }

  /** DATA as the windows allow, `bytes` in all; then what comes behind it. */
  private pour(stream: number, bytes: number, fill: (from: number, to: number) => Buffer, done: () => void) {
    const { peer } = this
    const state = { sent: 0, over: false }
    const window = peer.windowOf(stream)
    const more = (): void => {
      if (peer.seen(stream).reset !== undefined || peer.closed !== 'no') {
        state.over = true
        return
      }
      for (let room = window(); room > 0 && state.sent < bytes; room = window()) {
        const to = state.sent + Math.min(room, 16_384, bytes - state.sent)
        peer.spendWindow(stream, to - state.sent)
        peer.send(data(stream, fill(state.sent, to)))
        state.sent = to
      }
      if (state.sent === bytes) done()
      else setTimeout(more, 2)
    }
    more()
    return state
  }

  private reply(stream: number): Reply {
    const { peer, open } = this
    const head = (status: number, fields: readonly Pair[], flags = END_HEADERS) =>
      headers(stream, block([[':status', String(status)], ...fields]), flags)
    const end = (trailers: readonly Pair[] | undefined) =>
      trailers === undefined ? data(stream, '', END_STREAM) : headers(stream, block(trailers), END_HEADERS | END_STREAM)
    return {
      send: (status, fields, body, trailers) => {
        open.delete(stream)
        if (body === '' && trailers === undefined) peer.send(head(status, fields, END_HEADERS | END_STREAM))
        else {
          peer.send(head(status, fields))
          const bytes = Buffer.from(body, 'latin1')
          this.pour(
            stream,
            bytes.length,
            (from, to) => bytes.subarray(from, to),
            () => peer.send(end(trailers)),
          )
        }
      },
      cut: () => peer.send(head(200, [['content-length', '10']]), data(stream, 'half', END_STREAM)),
      pour: () => {
        peer.send(head(200, []))
        return this.pour(
          stream,
          Number.POSITIVE_INFINITY,
          (from, to) => Buffer.alloc(to - from),
          () => undefined,
        )
      },
      stopReading: () => {
        peer.reading = false
      },
      begin: fields => {
        peer.send(head(200, fields))
        return {
          data: text => peer.send(data(stream, text)),
          end: trailers => {
            open.delete(stream)
            peer.send(end(trailers))
          },
        }
      },
    }
  }
}

class Http1Upstream {
  private readonly upstream: Upstream
  private readonly socket: Socket
  private held = ''
  private heard: Heard | undefined = undefined
  /** The request that has no answer yet. */
  private open: Heard | undefined = undefined
  /** Bytes of the body that are still to come; `chunked` until the last. */
  private left: number | 'chunked' = 0

  constructor(upstream: Upstream, socket: Socket) {
    this.upstream = upstream
    this.socket = socket
    socket.on('data', (chunk: Buffer) => this.take(chunk))
    socket.on('end', () => socket.end())
    socket.on('close', () => {
      if (this.open !== undefined) this.open.broken = true
    })
  }

  take(chunk: Buffer): void {
    this.held += chunk.toString('latin1')
    while (this.step());
  }

  private step(): boolean {
    const { heard } = this
    if (heard === undefined) return this.head()
    if (this.left === 'chunked') return this.chunk(heard)
    const piece = this.held.slice(0, this.left)
    this.held = this.held.slice(piece.length)
    this.left -= piece.length
    heard.body += piece
    return this.left === 0 && this.end(heard)
  }

  private head(): boolean {
    const end = this.held.indexOf('\r\n\r\n')
    if (end === -1) return false
    const head = this.held.slice(0, end + 2)
    this.held = this.held.slice(end + 4)
    this.heard = { protocol: 'http1', head, body: '', trailers: '', ended: false, broken: false }
    const length = Number(/\r\ncontent-length: *([0-9]+)/i.exec(head)?.[1] ?? 0)
    this.left = /\r\ntransfer-encoding: chunked/i.test(head) ? 'chunked' : length
    this.open = this.heard
    this.upstream.requests.push(this.heard)
    this.upstream.onHead(this.heard, this.reply())
    return true
  }

  private chunk(heard: Heard): boolean {
    const line = /^([0-9a-f]+)\r\n/i.exec(this.held)
    if (line === null) return false
    const size = Number.parseInt(line[1]!, 16)
    const start = line[0].length
    if (size > 0) {
      if (this.held.length < start + size + 2) return false
      heard.body += this.held.slice(start, start + size)
      this.held = this.held.slice(start + size + 2)
      return true
    }
    const end = this.held.indexOf('\r\n\r\n', start - 2)
    if (end === -1) return false
    heard.trailers = this.held.slice(start, Math.max(start, end + 2))
    this.held = this.held.slice(end + 4)
    return this.end(heard)
  }

  private end(heard: Heard): boolean {
    heard.ended = true
    this.heard = undefined
    this.upstream.answer(heard, this.reply())
    return true
  }

  private reply(): Reply {
    const { socket } = this
    const head = (status: number, fields: readonly Pair[]) =>
      `HTTP/1.1 ${status} Status\r\n${fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')}`
    const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`
    const last = (trailers: readonly Pair[] = []) =>
      `0\r\n${trailers.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`
    return {
      send: (status, fields, body, trailers) => {
        this.open = undefined
        const bare = fields.filter(([name]) => name !== 'content-length')
        if (trailers === undefined)
          socket.write(`${head(status, bare)}content-length: ${body.length}\r\n\r\n${body}`, 'latin1')
        else
          socket.write(
            `${head(status, bare)}transfer-encoding: chunked\r\n\r\n${chunk(body)}${last(trailers)}`,
            'latin1',
          )
      },
      cut: () => void socket.end('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf'),
      pour: () => {
        const state = { sent: 0, over: false }
        const piece = Buffer.alloc(16_384)
        socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100000000000\r\n\r\n')
        const more = (): void => {
          while (!socket.destroyed && socket.writableLength < 65_536) {
            socket.write(piece, () => {
              state.sent += piece.length
            })
          }
        }
        socket.on('drain', more)
        socket.on('close', () => {
          state.over = true
        })
        more()
        return state
      },
      stopReading: () => void socket.pause(),
      begin: fields => {
        socket.write(`${head(200, fields)}transfer-encoding: chunked\r\n\r\n`)
        return {
          data: text => void socket.write(chunk(text), 'latin1'),
          end: trailers => {
            this.open = undefined
            socket.write(last(trailers), 'latin1')
          },
        }
      },
    }
  }
}
