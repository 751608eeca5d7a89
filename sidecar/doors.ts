import { createServer, type Server, type Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { KnownLeaves } from '../certs/mod.ts'
import {
  appPortOfSni,
  type Clock,
  type OriginalDestination,
  ok,
  type Port,
  type RefusalLog,
  type Result,
  type SpiffeId,
  workloadOf,
} from '../common/mod.ts'
import { type ArrivalParts, applicationCaller, portMeant } from './arrivals.ts'
import type { SidecarConfig } from './config.ts'
import { ServerFirst } from './detect/mod.ts'
import { endSoon } from './end-soon.ts'
import { gatewayBound, gatewayCaller, tlsGateway } from './gateway.ts'
import type { GatewaySetting } from './gateway-setting.ts'
import { type Caller, isBytes, type Stack } from './http/mod.ts'
import { type Identity, peerOf } from './identity/mod.ts'
import { openInterception, redirectHosts } from './interception/mod.ts'
import { listenAll, type Sharing } from './listen-all.ts'
import { spoken } from './outbound/mod.ts'
import type { OwnListener } from './own-listeners.ts'
import type { CurrentPolicy } from './policy/mod.ts'
import type { Protection } from './protection.ts'
import { type Bound, causeOf, Door, type DoorOptions } from './session/mod.ts'
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
/** Between sidecars, to say that a connection ends and to hear that it was heard takes a round trip. */
const FAREWELL_MS_MAX = 250
const FAREWELL_POLL_MS = 5

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
  readonly bytes: Stack
  /** What is known of where a redirected connection of our application was going. */
  boundTo(original: OriginalDestination): Bound
  readonly inbound: Stack
  readonly protection: Protection
  /** @default `alone` */
  readonly sharing?: Sharing | undefined
  draining(): boolean
  broken(error: unknown): void
}

/** Where traffic comes in. */
export interface Doors {
  readonly ports: { readonly outbound: Port; readonly inbound: Port; readonly gateways: readonly Port[] }
  /** Where the doors themselves are reached. */
  readonly listeners: readonly OwnListener[]
  readonly outbound: Door
  readonly inbound: Door
  sweep(): void
  /** Lets nobody in any more. Who came from elsewhere is told, and has a moment to hear it. */
  close(): Promise<void>
}

/** Opens the two doors for traffic, or none. */
export async function openDoors(parts: DoorParts): Promise<Result<Doors, string>> {
  const { config, identity, protection, instruments } = parts
  const interception = await openInterception(config.intercept)
  if (!interception.ok) return interception
  const arriving = { ...parts, interception: interception.value }
  const outbound = new Door({
    ...doorOptions(parts, 'outbound', OUTBOUND_IDLE_MS),
    begin: x => (isBytes(x.request) ? parts.bytes : parts.outbound).begin(x),
    connect: (x, session) => {
      x.plan = session
      parts.bytes.begin(x)
    },
    draining: () => false,
  })
  const inbound = new Door({ ...doorOptions(parts, 'inbound', INBOUND_IDLE_MS), begin: x => parts.inbound.begin(x) })
  const shared = new SharedReads()
  const mesh = meshListener(parts, arriving, inbound, shared)
  const gateways = config.gateways.map(setting => makeGateway(setting, outbound, shared, parts))
  const stopRenewing = identity.onChange(svid => {
    mesh.renew(svid)
    for (const { renew } of gateways) renew(svid)
  })
  const [host, otherHost, inboundHost] = doorHosts(config)
  const callers = applicationServer(outbound, shared, arriving)
  const otherCallers = applicationServer(outbound, shared, arriving)
  for (const server of [callers, otherCallers, ...gateways.map(gateway => gateway.server)])
    protection.guard(server, 'outbound', outbound)
  protection.guard(mesh.server, 'inbound', inbound)
  const places = [
    { server: callers, host, port: config.ports.outbound, flag: '--outbound-port' },
    { server: mesh.server, host: inboundHost, port: config.ports.inbound, flag: '--inbound-port' },
    ...gateways,
    ...(otherHost === undefined
      ? []
      : [{ server: otherCallers, host: otherHost, port: callers, flag: '--outbound-port' }]),
  ]
  const opened = await listenAll(places, parts.sharing)
  if (!opened.ok) {
    stopRenewing()
    interception.value.close()
    return opened
  }
  const [out, into, ...others] = opened.value.listeners
  return ok({
    ports: {
      outbound: out!.port,
      inbound: into!.port,
      gateways: others.slice(0, gateways.length).map(({ port }) => port),
    },
    listeners: opened.value.listeners,
    outbound,
    inbound,
    sweep: () => {
      outbound.sweep()
      inbound.sweep()
      instruments.inboundConnections = inbound.connections
      instruments.outboundConnections = outbound.connections
    },
    close: async () => {
      stopRenewing()
      opened.value.close()
      await farewell(inbound, mesh.server)
      interception.value.close()
      outbound.destroyAll()
      inbound.destroyAll()
    },
  })
}

/**
 * Tells callers that their connections end, those who are still shaking hands included, and gives them a moment to hear it: a request that
 * is on its way to a connection that is destroyed is lost, and who sent it can't know whether it was carried out.
 */
async function farewell(door: Door, server: Server): Promise<void> {
  const endMs = performance.now() + FAREWELL_MS_MAX
  while ((await connectionsOf(server)) > 0 && performance.now() < endMs) {
    door.closeIdle()
    await new Promise(resolve => setTimeout(resolve, FAREWELL_POLL_MS))
  }
}

function connectionsOf(server: Server): Promise<number> {
  return new Promise(resolve => server.getConnections((error, count) => resolve(error === null ? count : 0)))
}

/** Where the doors listen: outbound, outbound for the other family (or nowhere), inbound. What is redirected comes to other addresses. */
function doorHosts({ intercept, host, inboundHost }: SidecarConfig): readonly [string, string | undefined, string] {
  if (intercept === 'none') return [host, undefined, inboundHost]
  const { outbound, outbound6, inbound } = redirectHosts()
  return [outbound, outbound6, inbound]
}

/** Applications: each of their connections may have been going somewhere. */
function applicationServer(door: Door, shared: SharedReads, parts: ArrivalParts & Pick<DoorParts, 'boundTo'>): Server {
  return plainServer(
    door,
    shared,
    accepted => applicationCaller(accepted, parts),
    caller =>
      caller.kind === 'application' && caller.original !== undefined ? parts.boundTo(caller.original) : undefined,
  )
}

/** A listener whose connections come in by the outbound door, and go to one service. */
function makeGateway(setting: GatewaySetting, door: Door, shared: SharedReads, parts: DoorParts) {
  const { config, identity, instruments, refusals, policy } = parts
  const listening = { host: setting.host, port: setting.port, flag: '--gateway' }
  const caller = gatewayCaller(setting)
  const bound = (): Bound => gatewayBound(setting, policy)
  if (!setting.tls)
    return { ...listening, server: plainServer(door, shared, () => caller, bound), renew: () => undefined }
  const { server, renew } = tlsGateway(config.gatewayCredentials, identity.current(), {
    secured: socket => {
      const sharing = shareReads(socket, shared)
      const alpn = socket.alpnProtocol || undefined
      door.accept({ socket, caller, port: NO_PORT, first: sharing?.early, reads: sharing?.reads, bound: bound(), alpn })
    },
    handshakeFailed: why => {
      instruments.refused('tls-handshake')
      refusals(why, { why, door: 'gateway' }, 'Refused a caller: its TLS handshake failed')
    },
    broken: parts.broken,
  })
  return { ...listening, server, renew }
}

/** Connections in plaintext, read into one buffer. Where there is no caller, the connection has been refused. */
export function plainServer(
  door: Door,
  shared: SharedReads,
  callerOf: (accepted: Socket) => Caller | undefined = () => ({ kind: 'application' }),
  boundOf: (caller: Caller) => Bound | undefined = () => undefined,
): Server {
  const options = { allowHalfOpen: true, noDelay: true, pauseOnConnect: true, ...KEEP_ALIVE }
  return createServer(options, accepted => {
    const caller = callerOf(accepted)
    if (caller === undefined) return
    const moved = moveToSharedReads(accepted, shared)
    door.accept({
      socket: moved?.socket ?? accepted,
      caller,
      port: NO_PORT,
      reads: moved?.reads,
      bound: boundOf(caller),
    })
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
    serverFirst: new ServerFirst(() => parts.turn.nowMs()),
    detected: found => instruments.detected(found),
    broken: parts.broken,
    draining: parts.draining,
    idleMs,
  }
}

function meshListener(parts: DoorParts, arriving: ArrivalParts, door: Door, shared: SharedReads): MeshListener {
  const { identity, instruments, refusals, policy, clock } = parts
  const known = new KnownLeaves()
  return new MeshListener(identity.current(), {
    permissive: () => policy.self?.mesh.mtls === 'permissive',
    secured: (socket: TLSSocket) => {
      const svid = identity.current()
      const peer = peerOf(socket, svid, clock, known)
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
      door.accept({
        socket,
        caller: peerCaller(peer.value),
        port: port === 'unsaid' ? NO_PORT : port,
        first: sharing?.early,
        reads: sharing?.reads,
        // Bytes come here in a CONNECT, which says where they go.
        bound: undefined,
        alpn: socket.alpnProtocol || undefined,
      })
      const endsTunnels = (): boolean => policy.self?.mesh.tunnelsAtRenewal === 'end'
      atCertificateEnd(socket, clock, () => endSoon(socket, () => door.sessionOf(socket), endsTunnels), svid.notAfterMs)
    },
    silent: (socket, secure) => {
      const port = portMeant(socket, arriving)
      if (port === 'refused') return true
      const bound = port === 'unsaid' ? undefined : ownBound(port, parts)
      // Who speaks HTTP is waited for a little longer; and where nothing tells the port, nobody can be connected.
      if (port === 'unsaid' || bound === undefined || bound.speaks === 'http') return false
      const caller = { kind: 'unauthenticated', why: 'plaintext' } as const
      door.accept({ socket, caller, port, reads: undefined, bound: { ...bound, speaks: 'anything' }, secure })
      return true
    },
    plain: (socket: Socket, first: Buffer) => {
      const port = portMeant(socket, arriving)
      if (port === 'refused') return
      const caller = { kind: 'unauthenticated', why: 'plaintext' } as const
      if (port === 'unsaid') door.accept({ socket, caller, port: NO_PORT, first, reads: undefined, bound: undefined })
      else door.accept({ socket, caller, port, first, reads: undefined, bound: ownBound(port, parts) })
    },
    handshakeFailed: (why, from) => {
      instruments.refused('tls-handshake')
      // Who is leaving breaks handshakes off itself, and may have closed its log.
      if (!parts.draining()) refusals(why, { why, from }, 'Refused a peer: its TLS handshake failed')
    },
    broken: parts.broken,
  })
}

/** Where bytes go that came to our application's port in plaintext. */
function ownBound(port: number, { config, policy }: DoorParts): Bound {
  return { authority: `${config.applicationHost}:${port}`, speaks: spoken(policy.self?.ports ?? [], port) }
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
