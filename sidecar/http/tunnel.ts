/** Where the bytes of a tunnel go, and who hears of the near side. */
export interface TunnelEnd {
  /** `false` pauses the near side until it is resumed. A piece is valid until the call returns. */
  data(chunk: Buffer): boolean
  /** The near half has ended in order. */
  end(): void
  /** The near side is gone. */
  closed(): void
  /** The near side takes more. */
  drained(): void
}

/** The caller's connection once it carries bytes as they are. */
export interface TunnelNear {
  /** A piece from the far side, valid until the call returns; `false` asks for a pause until `drained`. */
  tunnelWrite(chunk: Buffer): boolean
  /** The far half has ended in order; ours may go on. */
  tunnelEnd(): void
  /** The far side has ended in order, and takes nothing more. */
  tunnelClose(): void
  /** The far side broke off. */
  breakOff(): void
  /** The far side takes more. */
  resume(): void
}
