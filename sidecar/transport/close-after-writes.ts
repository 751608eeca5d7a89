import type { Socket } from 'node:net'

/** Who takes nothing more of what was written has so long for all of it; then it is a dead weight. */
export const UNREAD_MS = 60_000

/** Closes a connection when all that was written to it has left, which `destroy` does not wait for; within a bound. */
export function closeAfterWrites(socket: Pick<Socket, 'destroySoon' | 'destroy' | 'destroyed' | 'once'>): void {
  socket.destroySoon()
  if (socket.destroyed) return
  const timer = setTimeout(() => socket.destroy(), UNREAD_MS)
  timer.unref()
  socket.once('close', () => clearTimeout(timer))
}
