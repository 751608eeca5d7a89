import type { OnReadOpts } from 'node:net'

/** As much as Node itself reads at once. */
const READ_BYTES = 64 * 1024

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

  /** The options for a new socket, and the place where its reader is set once it is connected. Who speaks before that isn't heard. */
  open(): { readonly onread: OnReadOpts; readonly reads: Reads } {
    const { buffer } = this
    const reads: Reads = { take: undefined }
    const callback = (bytes: number): boolean => {
      reads.take?.(buffer.subarray(0, bytes))
      return true
    }
    return { onread: { buffer, callback }, reads }
  }
}
