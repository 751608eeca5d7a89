import { createServer, type Server, type Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import {
  appPortOfSni,
  type Clock,
  ok,
  type Port,
  type RefusalLog,
  type Result,
  type SpiffeId,
  workloadOf,
} from '../common/mod.ts'
import { type ArrivalParts, applicationCaller, portMeant } from './arrivals.ts'
import type { SidecarConfig } from './config.ts'
import { endSoon } from './end-soon.ts'
import type { Caller, Stack } from './http/mod.ts'
import { type Identity, peerOf } from './identity/mod.ts'
import { openInterception, redirectHosts } from './interception/mod.ts'
import { listenAll } from './listen-all.ts'
import type { OwnListener } from './own-listeners.ts'
import type { CurrentPolicy } from './policy/mod.ts'
import type { Protection } from './protection.ts'
import { causeOf, Door, type DoorOptions } from './session/mod.ts'
import type { Instruments } from './telemetry/mod.ts'
import {
  atCertificateEnd,
  KEEP_ALIVE,
  MeshListener,
  moveToSharedReads,
  SharedReads,
  shareReads,
  type Turn,
} from './transport/mod.ts'

/** Callers' sidecars close at 60 s: they are first, so that none of them meets a connection that we are just closing. */
const INBOUND_IDLE_MS = 75_000
/** Applications pool connections for minutes. */
const OUTBOUND_IDLE_MS = 300_000
const NO_PORT = 0

/** What any door needs. */
export interface CommonDoorParts {
  readonly instruments: Instruments
  readonly refusals: RefusalLog
  readonly turn: Turn
  draining(): boolean
  broken(error: unknown): void
}

export interface DoorParts extends CommonDoorParts {
  readonly config: SidecarConfig
  readonly identity: Identity
  readonly policy: CurrentPolicy
  readonly clock: Clock
  readonly outbound: Stack
  readonly connect: Stack
  readonly inbound: Stack
  readonly protection: Protection
  draining(): boolean
  broken(error: unknown): void
}

/** Where traffic comes in. */
export interface Doors {
  readonly ports: { readonly outbound: Port; readonly inbound: Port }
  /** Where the doors themselves are reached. */
  readonly listeners: readonly OwnListener[]
  readonly outbound: Door
  readonly inbound: Door
  sweep(): void
  close(): void
}

/** Opens the two doors for traffic, or none. */
export async function openDoors(parts: DoorParts): Promise<Result<Doors, string>> {
  const { config, identity, protection, instruments } = parts
  const interception = await openInterception(config.intercept)
  if (!interception.ok) return interception
  const arriving = { ...parts, interception: interception.value }
  const outbound = new Door({
    ...doorOptions(parts, 'outbound', OUTBOUND_IDLE_MS),
    begin: x => parts.outbound.begin(x),
    connect: (x, session) => {
      x.plan = session
      parts.connect.begin(x)
    },
    draining: () => false,
  })
  const inbound = new Door({ ...doorOptions(parts, 'inbound', INBOUND_IDLE_MS), begin: x => parts.inbound.begin(x) })
  const shared = new SharedReads()
  const mesh = meshListener(parts, arriving, inbound, shared)
  const stopRenewing = identity.onChange(svid => mesh.renew(svid))
  const [host, otherHost, inboundHost] = doorHosts(config)
  const callers = applicationServer(outbound, shared, arriving)
  const otherCallers = applicationServer(outbound, shared, arriving)
  for (const server of [callers, otherCallers]) protection.guard(server, 'outbound', outbound)
  protection.guard(mesh.server, 'inbound', inbound)
  const opened = await listenAll([
    { server: callers, host, port: config.ports.outbound, flag: '--outbound-port' },
    { server: mesh.server, host: inboundHost, port: config.ports.inbound, flag: '--inbound-port' },
    ...(otherHost === undefined
      ? []
      : [{ server: otherCallers, host: otherHost, port: callers, flag: '--outbound-port' }]),
  ])
  if (!opened.ok) {
    stopRenewing()
    interception.value.close()
    return opened
  }
  const [out, into] = opened.value.listeners
  return ok({
    ports: { outbound: out!.port, inbound: into!.port },
    listeners: opened.value.listeners,
    outbound,
    inbound,
    sweep: () => {
      outbound.sweep()
      inbound.sweep()
      instruments.inboundConnections = inbound.connections
      instruments.outboundConnections = outbound.connections
    },
    close: () => {
      stopRenewing()
      interception.value.close()
      opened.value.close()
      outbound.destroyAll()
      inbound.destroyAll()
    },
  })
}

/** Where the doors listen: outbound, outbound for the other family (or nowhere), inbound. What is redirected comes to other addresses. */
function doorHosts({ intercept, host, inboundHost }: SidecarConfig): readonly [string, string | undefined, string] {
  if (intercept === 'none') return [host, undefined, inboundHost]
  const { outbound, outbound6, inbound } = redirectHosts()
  return [outbound, outbound6, inbound]
}

/** Applications: each of their connections may have been going somewhere. */
function applicationServer(door: Door, shared: SharedReads, parts: ArrivalParts): Server {
  return plainServer(door, shared, accepted => applicationCaller(accepted, parts))
}

/** Connections in plaintext, read into one buffer. Where there is no caller, the connection has been refused. */
export function plainServer(
  door: Door,
  shared: SharedReads,
  callerOf: (accepted: Socket) => Caller | undefined = () => ({ kind: 'application' }),
): Server {
  const options = { allowHalfOpen: true, noDelay: true, pauseOnConnect: true, ...KEEP_ALIVE }
  return createServer(options, accepted => {
    const caller = callerOf(accepted)
    if (caller === undefined) return
    const moved = moveToSharedReads(accepted, shared)
    door.accept(moved?.socket ?? accepted, caller, NO_PORT, undefined, moved?.reads)
    if (moved === undefined) accepted.resume()
  })
}

/** What all doors have in common. */
export function doorOptions(parts: CommonDoorParts, door: string, idleMs: number): DoorOptions {
  const { instruments, refusals } = parts
  return {
    turn: parts.turn,
    begin: () => undefined,
    // Only the outbound door is a proxy.
    connect: (_x, session) => session.refuseConnect(),
    refused: why => {
      const cause = causeOf(why)
      instruments.refused(cause)
      refusals(why.detail, { door, cause, status: String(why.status), why: why.detail }, 'Refused a request')
    },
    detected: found => {
      instruments.detected(found)
      if (found !== 'http1') instruments.refused('unsupported-protocol')
    },
    broken: parts.broken,
    draining: parts.draining,
    idleMs,
  }
}

function meshListener(parts: DoorParts, arriving: ArrivalParts, door: Door, shared: SharedReads): MeshListener {
  const { identity, instruments, refusals, policy, clock } = parts
  return new MeshListener(identity.current(), {
    permissive: () => policy.self?.mesh.mtls === 'permissive',
    secured: (socket: TLSSocket) => {
      const svid = identity.current()
      const peer = peerOf(socket, svid, clock)
      if (!peer.ok) {
        instruments.refused('unauthenticated')
        refusals('peer', { why: peer.error, from: socket.remoteAddress ?? 'unknown' }, 'Refused a peer')
        socket.destroy()
        return
      }
      const named = typeof socket.servername === 'string' ? appPortOfSni(socket.servername) : undefined
      // A sidecar names the port that it means; of others, where their connection was going tells.
      const port = named ?? portMeant(socket, arriving)
      if (port === 'refused') return
      const sharing = shareReads(socket, shared)
      const session = door.accept(
        socket,
        peerCaller(peer.value),
        port === 'unsaid' ? NO_PORT : port,
        sharing?.early,
        sharing?.reads,
      )
      const endsTunnels = (): boolean => policy.self?.mesh.tunnelsAtRenewal === 'end'
      atCertificateEnd(socket, clock, () => endSoon(socket, session, endsTunnels), svid.notAfterMs)
    },
    plain: (socket: Socket, first: Buffer) => {
      const port = portMeant(socket, arriving)
      if (port === 'refused') return
      door.accept(socket, { kind: 'unauthenticated', why: 'plaintext' }, port === 'unsaid' ? NO_PORT : port, first)
    },
    handshakeFailed: (why, from) => {
      instruments.refused('tls-handshake')
      // Who is leaving breaks handshakes off itself, and may have closed its log.
      if (!parts.draining()) refusals(why, { why, from }, 'Refused a peer: its TLS handshake failed')
    },
    broken: parts.broken,
  })
}

/** Named once for each connection, not for each request. */
function peerCaller(spiffeId: SpiffeId): Caller {
  const workload = workloadOf(spiffeId)
  return {
    kind: 'peer',
    spiffeId,
    name: workload === undefined ? 'other' : `${workload.namespace}/${workload.serviceAccount}`,
  }
}
