import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'

/** Ends a connection so that nobody takes it for an orderly end: a reset in TCP; in TLS the word that ends it in order is left out. */
export function breakOff(socket: Socket): void {
  if (socket instanceof TLSSocket) socket.destroy()
  else socket.resetAndDestroy()
}
