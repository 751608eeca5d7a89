import type { Socket } from 'node:net'
import type { Reads, Turn } from '../transport/mod.ts'

/** Whom a socket belongs to. */
export interface SocketOwner {
  /** Valid until it returns. */
  onData(chunk: Buffer): void
  /** More can be written. */
  onDrain(): void
  /** The far half has ended in order. */
  onEnd(): void
  onClose(): void
  /** One of these has thrown: a bug of ours, which costs this connection. */
  onBroken(error: unknown): void
}

/**
 * Gives a socket's events to its owner, each within a turn of its own, and guarded. Returns what takes them away again, for who hands the socket over
 * to another. Without `reads`, the socket is read as a stream.
 */
export function ownSocket(socket: Socket, reads: Reads | undefined, turn: Turn, owner: SocketOwner): () => void {
  const take = (chunk: Buffer): void => {
    // As the others, without a closure for each piece.
    turn.begin()
    try {
      owner.onData(chunk)
    } catch (error) {
      owner.onBroken(error)
    }
    turn.end()
  }
  const onDrain = (): void => guarded(turn, owner, ON_DRAIN)
  const onEnd = (): void => guarded(turn, owner, ON_END)
  const onClose = (): void => guarded(turn, owner, ON_CLOSE)
  socket.on('drain', onDrain)
  socket.on('end', onEnd)
  socket.on('error', nothing)
  socket.on('close', onClose)
  if (reads === undefined) socket.on('data', take)
  else reads.take = take
  return () => {
    if (reads === undefined) socket.removeListener('data', take)
    else reads.take = undefined
    socket.removeListener('drain', onDrain)
    socket.removeListener('end', onEnd)
    socket.removeListener('error', nothing)
    socket.removeListener('close', onClose)
  }
}

/** Runs what an owner does, within a turn. What it throws is told to it. */
export function guarded<Owner extends Pick<SocketOwner, 'onBroken'>>(
  turn: Turn,
  owner: Owner,
  work: (owner: Owner) => void,
): void {
  turn.begin()
  try {
    work(owner)
  } catch (error) {
    owner.onBroken(error)
  }
  turn.end()
}

const ON_DRAIN = (owner: SocketOwner): void => owner.onDrain()
const ON_END = (owner: SocketOwner): void => owner.onEnd()
const ON_CLOSE = (owner: SocketOwner): void => owner.onClose()
/** An error is followed by `close`. */
const nothing = (): void => undefined
