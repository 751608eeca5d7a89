import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { runAtWallTime } from '../../certs/mod.ts'
import type { Clock, Random } from '../../common/mod.ts'

/** Who calls leaves a connection before its server ends it: between a tenth and a fifth of its time earlier, so that not all go at once ... */
const EARLIER_PART = 0.1
const SPREAD_PART = 0.1
/** ... but no more than this. */
const EARLIER_MS_MAX = 300_000

/**
 * Runs `ended` once the certificate that the peer showed has ended, or at `ownEndMs` when that is earlier, if the connection is still there.
 * TLS looks at certificates only when a connection begins. Nothing happens on a connection in plaintext. Unix time in milliseconds.
 */
export function atCertificateEnd(socket: Socket, clock: Clock, ended: () => void, ownEndMs: number): void {
  const endMs = peerEndMs(socket)
  if (endMs !== undefined) socket.once('close', runAtWallTime(clock, Math.min(endMs, ownEndMs), ended))
}

/**
 * Runs `leave` some time before the certificate that the server showed ends: a request that is sent while the server closes would be lost.
 * Nothing happens on a connection in plaintext.
 */
export function beforeCertificateEnd(socket: Socket, clock: Clock, random: Random, leave: () => void): void {
  const endMs = peerEndMs(socket)
  if (endMs === undefined) return
  const earlierMs = (endMs - clock.wallMs()) * (EARLIER_PART + SPREAD_PART * random())
  socket.once('close', runAtWallTime(clock, endMs - Math.min(earlierMs, EARLIER_MS_MAX), leave))
}

function peerEndMs(socket: Socket): number | undefined {
  return socket instanceof TLSSocket ? (socket.getPeerX509Certificate()?.validToDate.getTime() ?? 0) : undefined
}
