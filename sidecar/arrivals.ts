import type { Socket } from 'node:net'
import type { OriginalDestination, RefusalLog } from '../common/mod.ts'
import type { Caller } from './http/mod.ts'
import type { Interception } from './interception/mod.ts'
import type { Instruments } from './telemetry/mod.ts'

export interface ArrivalParts {
  readonly interception: Interception
  readonly instruments: Instruments
  readonly refusals: RefusalLog
}

const APPLICATION: Caller = { kind: 'application' }

/** Who has come in at the outbound door, and where the connection was going; `undefined`: it was our own, and has been refused. */
export function applicationCaller(accepted: Socket, parts: ArrivalParts): Caller | undefined {
  const arrival = parts.interception.arrivalOf(accepted)
  switch (arrival.kind) {
    case 'direct':
      return APPLICATION
    case 'redirected':
      return { kind: 'application', original: arrival.original }
    case 'own':
      refuseOwn(accepted, arrival.original, 'outbound', parts)
      return undefined
  }
}

/** The application's port that somebody meant who came in at the inbound door and could not name it; `refused`: it was our own connection. */
export function portMeant(accepted: Socket, parts: ArrivalParts): number | 'unsaid' | 'refused' {
  const arrival = parts.interception.arrivalOf(accepted)
  switch (arrival.kind) {
    case 'direct':
      return 'unsaid'
    case 'redirected':
      return arrival.original.port
    case 'own':
      refuseOwn(accepted, arrival.original, 'inbound', parts)
      return 'refused'
  }
}

/** To carry it would be to make it again, without an end. */
function refuseOwn(socket: Socket, original: OriginalDestination, door: string, parts: ArrivalParts): void {
  socket.on('error', () => undefined)
  socket.destroy()
  parts.instruments.refused('unknown-destination')
  parts.refusals(
    'own connection',
    {
      door,
      original: `${original.address}:${original.port}`,
      uid: String(process.getuid?.()),
      gid: String(process.getgid?.()),
    },
    "Refused a connection of this sidecar's own: the redirect rules sent it back. Install them with the user or group that the " +
      'sidecar runs as: selvedge intercept install --sidecar-uid UID',
  )
}
