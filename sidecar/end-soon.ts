import type { Socket } from 'node:net'
import type { ServerSession } from './session/mod.ts'

/**
 * What is under way on a connection when a certificate of its two ends has ended may go on for so long, as in a drain. Renewal comes at half of a
 * certificate's life and takes new exchanges elsewhere, so that what is still there has had half a life besides. Tunnels (WebSocket) go on, where no
 * policy ends them.
 */
export const UNDER_WAY_MS = 30_000

/** `sessionOf`: who has the connection, which may become another's. Who has a new certificate connects with it. What is under way ends as it would, within a bound; then the connection does. */
export function endSoon(
  socket: Pick<Socket, 'once'>,
  sessionOf: () => Pick<ServerSession, 'phase' | 'closeWhenIdle' | 'destroy'> | undefined,
  endsTunnels: () => boolean,
): void {
  sessionOf()?.closeWhenIdle()
  const timer = setTimeout(() => {
    const session = sessionOf()
    if (session?.phase !== 'tunnel' || endsTunnels()) session?.destroy()
  }, UNDER_WAY_MS)
  timer.unref()
  socket.once('close', () => clearTimeout(timer))
}
