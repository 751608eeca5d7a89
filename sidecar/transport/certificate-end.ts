import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { runAtWallTime } from '../../certs/mod.ts'
import type { Clock } from '../../common/mod.ts'

/**
 * Runs `ended` once the certificate that the peer showed has ended, or at `ownEndMs` when that is earlier, if the connection is still there.
 * TLS looks at certificates only when a connection begins. Nothing happens on a connection in plaintext. Unix time in milliseconds.
 */
export function atCertificateEnd(
  socket: Socket,
  clock: Clock,
  ended: () => void,
  ownEndMs: number = Number.POSITIVE_INFINITY,
): void {
  if (!(socket instanceof TLSSocket)) return
  const peerEndMs = socket.getPeerX509Certificate()?.validToDate.getTime() ?? 0
  const callOff = runAtWallTime(clock, Math.min(peerEndMs, ownEndMs), ended)
  socket.once('close', callOff)
}
