import { type OnReadOpts, type Server, Socket } from 'node:net'

/** As much as Node itself reads at once. */
const READ_BYTES = 64 * 1024
/** Views of the buffer are kept for pieces up to this length, which is most heads and small bodies ... */
const VIEW_BYTES_MAX = 4096
/** ... and no more of them than this, about 100 KB. */
const VIEWS_MAX = 1024

/** Where the bytes of one socket go. They are valid until the function returns. */
export interface Reads {
  take: ((chunk: Buffer) => void) | undefined
}

/**
 * One buffer that all sockets which we open read into, one after the other: Node otherwise sets 64 KiB aside for each read, and sends each
 * piece through a stream. Measured on the plaintext hop: about 1 us less for each request.
 */
export class SharedReads {
  private readonly buffer = Buffer.allocUnsafeSlow(READ_BYTES)
  /** The front of the buffer, by length: traffic has few lengths, and what was made for one serves all later pieces of it. */
  private readonly views: (Buffer | undefined)[] = new Array<Buffer | undefined>(VIEW_BYTES_MAX + 1).fill(undefined)
  private viewCount = 0

  /** The options for a new socket, and the place where its reader is set once it is connected. Who speaks before that isn't heard. */
  open(): { readonly onread: OnReadOpts; readonly reads: Reads } {
    const { buffer } = this
    const reads: Reads = { take: undefined }
    const callback = (bytes: number): boolean => {
      reads.take?.(this.view(bytes))
      return true
    }
    return { onread: { buffer, callback }, reads }
  }

  private view(bytes: number): Buffer {
    const known = bytes <= VIEW_BYTES_MAX ? this.views[bytes] : undefined
    if (known !== undefined) return known
    const view = this.buffer.subarray(0, bytes)
    if (bytes <= VIEW_BYTES_MAX && this.viewCount < VIEWS_MAX) {
      this.views[bytes] = view
      this.viewCount++
    }
    return view
  }
}

/** What Node keeps of an accepted socket beside what it documents: the handle, and the server that counts it. */
interface AcceptedSocket {
  _handle: object | null
  _server: Server | null
}

/**
 * Moves an accepted connection to a socket that reads into the shared buffer, which `net.Server` can't be asked for. The server must have
 * been made with `pauseOnConnect`, so that nothing has been read yet. It rests on two of Node's internal fields; where they aren't as
 * they are in the pinned version, the answer is `undefined` and the socket stays as it is, a paused stream.
 */
export function moveToSharedReads(
  accepted: Socket,
  shared: SharedReads,
): { readonly socket: Socket; readonly reads: Reads } | undefined {
  const before = accepted as unknown as AcceptedSocket
  const { _handle: handle, _server: server } = before
  if (typeof handle !== 'object' || handle === null || typeof server !== 'object') return undefined
  if (accepted.readableLength > 0 || !accepted.isPaused()) return undefined
  const { onread, reads } = shared.open()
  before._handle = null
  before._server = null
  const options: object = { handle, allowHalfOpen: accepted.allowHalfOpen, onread }
  const socket = new Socket(options)
  const after = socket as unknown as AcceptedSocket
  after._server = server
  return { socket, reads }
}

/** What Node keeps of a socket that reads into a buffer of its user's. */
interface ReadingSocket {
  readonly _handle: { useUserBuffer?(buffer: Uint8Array): void } | null
  [field: symbol]: unknown
}

/**
 * Lets a TLS socket that a server has accepted read into the shared buffer, which `tls.Server` can't be asked for: what
 * `tls.connect` does with `onread`, done later. It rests on two of Node's internal fields; where they aren't as they are in the pinned
 * version, the answer is `undefined` and the socket stays a stream. `early` is what it had read before.
 */
export function shareReads(
  secured: Socket,
  shared: SharedReads,
): { readonly reads: Reads; readonly early: Buffer | undefined } | undefined {
  const socket = secured as unknown as ReadingSocket
  const fields = Object.getOwnPropertySymbols(socket)
  const bufferField = fields.find(field => field.description === 'kBuffer')
  const callbackField = fields.find(field => field.description === 'kBufferCb')
  if (bufferField === undefined || callbackField === undefined || socket[bufferField] !== null) return undefined
  if (typeof socket._handle?.useUserBuffer !== 'function' || secured.readableFlowing === true) return undefined
  const early = secured.read() as Buffer | null
  const { onread, reads } = shared.open()
  socket[bufferField] = onread.buffer
  socket[callbackField] = onread.callback
  socket._handle.useUserBuffer(onread.buffer as Buffer)
  return { reads, early: early ?? undefined }
}
