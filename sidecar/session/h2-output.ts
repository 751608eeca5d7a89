import type { Socket } from 'node:net'
import {
  FLAG,
  FRAME,
  FRAME_BYTES_MAX,
  FRAME_HEADER_BYTES,
  HeadWriter,
  PREFACE,
  TABLE_BYTES_DEFAULT,
  WINDOW_DEFAULT,
  writeFrameHeader,
  writeUint32,
} from '../codec/h2/mod.ts'
import type { Headers } from '../http/mod.ts'
import { ByteWriter, type Turn } from '../transport/mod.ts'
import type { H2Stream } from './h2-stream.ts'

const PING_BYTES = 8

/** What one connection of HTTP/2 sends: frames, composed where they are sent from. */
export class H2Output {
  readonly writer: ByteWriter
  readonly heads = new HeadWriter(TABLE_BYTES_DEFAULT)
  /** Frames of DATA that were sent. */
  dataFrames = 0
  /** What the peer takes on all streams together. */
  sendWindow = WINDOW_DEFAULT

  /** `onRoom` is called when there is room again after the writer was full. */
  constructor(socket: Socket, turn: Turn, onRoom: () => void) {
    this.writer = new ByteWriter(socket, turn, onRoom)
  }

  preface(): void {
    const { writer } = this
    writer.reserve(PREFACE.length)
    writer.at += PREFACE.copy(writer.piece, writer.at)
  }

  settings(settings: readonly (readonly [id: number, value: number])[]): void {
    const { writer } = this
    const bytes = settings.length * 6
    writer.reserve(FRAME_HEADER_BYTES + bytes)
    let at = writeFrameHeader(writer.piece, writer.at, bytes, FRAME.settings, 0, 0)
    for (const [id, value] of settings) {
      writer.piece[at] = id >>> 8
      writer.piece[at + 1] = id
      at = writeUint32(writer.piece, at + 2, value)
    }
    writer.at = at
  }

  settingsAck(): void {
    const { writer } = this
    writer.reserve(FRAME_HEADER_BYTES)
    writer.at = writeFrameHeader(writer.piece, writer.at, 0, FRAME.settings, FLAG.ack, 0)
  }

  windowUpdate(id: number, increment: number): void {
    const { writer } = this
    writer.reserve(FRAME_HEADER_BYTES + 4)
    const at = writeFrameHeader(writer.piece, writer.at, 4, FRAME.windowUpdate, 0, id)
    writer.at = writeUint32(writer.piece, at, increment)
  }

  /** DATA of a stream. The windows have room for it; frames have their size. */
  data(stream: H2Stream, chunk: Buffer, from: number, to: number): void {
    const { writer } = this
    let start = from
    this.sendWindow -= to - from
    stream.sendWindow -= to - from
    for (;;) {
      const bytes = Math.min(to - start, FRAME_BYTES_MAX)
      writer.reserve(FRAME_HEADER_BYTES)
      this.dataFrames++
      stream.noteFrame(writer.piece, writer.at)
      writer.at = writeFrameHeader(writer.piece, writer.at, bytes, FRAME.data, 0, stream.id)
      writer.copy(chunk, start, start + bytes)
      start += bytes
      if (start === to) return
    }
  }

  /** The header block that `write` puts at `at` of a buffer with `bytesMax` of room, as HEADERS of a stream. */
  block(stream: H2Stream, bytesMax: number, flags: number, blockEnd: number, at: number): void {
    const { writer } = this
    const bytes = blockEnd - at - FRAME_HEADER_BYTES
    stream.noteFrame(writer.piece, at)
    if (bytes <= FRAME_BYTES_MAX) {
      writeFrameHeader(writer.piece, at, bytes, FRAME.headers, flags | FLAG.endHeaders, stream.id)
      writer.at = blockEnd
    } else this.longBlock(stream, bytesMax, flags, at, bytes)
  }

  /** A block that needs more than one frame: rare, so it is copied. */
  private longBlock(stream: H2Stream, bytesMax: number, flags: number, at: number, bytes: number): void {
    const { writer } = this
    const start = at + FRAME_HEADER_BYTES
    const whole = Buffer.from(writer.piece.subarray(start, start + bytes))
    writer.reserve(bytesMax + 2 * FRAME_HEADER_BYTES * (1 + Math.ceil(bytes / FRAME_BYTES_MAX)))
    stream.noteFrame(writer.piece, writer.at)
    for (let from = 0; from < bytes; from += FRAME_BYTES_MAX) {
      const to = Math.min(from + FRAME_BYTES_MAX, bytes)
      const [type, first] = from === 0 ? [FRAME.headers, flags] : [FRAME.continuation, 0]
      const last = to === bytes ? FLAG.endHeaders : 0
      const next = writeFrameHeader(writer.piece, writer.at, to - from, type, first | last, stream.id)
      writer.at = next + whole.copy(writer.piece, next, from, to)
    }
  }

  trailers(stream: H2Stream, trailers: Headers): void {
    const { writer, heads } = this
    const bytesMax = heads.trailersBytesMax(trailers)
    writer.reserve(FRAME_HEADER_BYTES + bytesMax)
    const { at } = writer
    const end = heads.trailers(trailers, writer.piece, at + FRAME_HEADER_BYTES)
    this.block(stream, bytesMax, FLAG.endStream, end, at)
  }

  /** RST_STREAM. */
  reset(id: number, code: number): void {
    const { writer } = this
    writer.reserve(FRAME_HEADER_BYTES + 4)
    const at = writeFrameHeader(writer.piece, writer.at, 4, FRAME.rstStream, 0, id)
    writer.at = writeUint32(writer.piece, at, code)
  }

  /** An empty DATA that ends a stream. */
  endStream(id: number): void {
    const { writer } = this
    writer.reserve(FRAME_HEADER_BYTES)
    writer.at = writeFrameHeader(writer.piece, writer.at, 0, FRAME.data, FLAG.endStream, id)
  }

  ping(): void {
    const { writer } = this
    writer.reserve(FRAME_HEADER_BYTES + PING_BYTES)
    const at = writeFrameHeader(writer.piece, writer.at, PING_BYTES, FRAME.ping, 0, 0)
    writer.piece.fill(0, at, at + PING_BYTES)
    writer.at = at + PING_BYTES
  }

  pingAck(bytes: Buffer, from: number, to: number): void {
    const { writer } = this
    writer.reserve(FRAME_HEADER_BYTES + PING_BYTES)
    const at = writeFrameHeader(writer.piece, writer.at, PING_BYTES, FRAME.ping, FLAG.ack, 0)
    writer.at = at + bytes.copy(writer.piece, at, from, to)
  }

  goaway(lastStream: number, code: number): void {
    const { writer } = this
    writer.reserve(FRAME_HEADER_BYTES + 8)
    const at = writeFrameHeader(writer.piece, writer.at, 8, FRAME.goaway, 0, 0)
    writer.at = writeUint32(writer.piece, writeUint32(writer.piece, at, lastStream), code)
  }
}
