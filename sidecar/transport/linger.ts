import type { Socket } from 'node:net'

/** How long who is asked to close may still send. Closing at once would reset what it has not read. */
export const LINGER_MS = 1_000

/** Ends our half, and the connection some time after all that was written has left. What still comes is thrown away by who reads it. */
export function linger(socket: Socket): void {
  let timer: NodeJS.Timeout | undefined
  socket.once('close', () => clearTimeout(timer))
  // The time runs from when all has left: a slow reader gets the whole of it.
  socket.end(() => {
    if (!socket.destroyed) timer = setTimeout(() => socket.destroy(), LINGER_MS)
  })
  socket.resume()
}
