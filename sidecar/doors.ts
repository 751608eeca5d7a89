import { createServer, type Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import {
  appPortOfSni,
  type Clock,
  err,
  ok,
  type Port,
  type RefusalLog,
  type Result,
  type SpiffeId,
  workloadOf,
} from '../common/mod.ts'
import { type AdminView, adminPages, metricsPages } from './admin/mod.ts'
import type { SidecarConfig } from './config.ts'
import { endSoon } from './end-soon.ts'
import type { Caller, Stack } from './http/mod.ts'
import { type Identity, peerOf } from './identity/mod.ts'
import type { Log } from './log.ts'
import type { OwnListener } from './own-listeners.ts'
import type { CurrentPolicy } from './policy/mod.ts'
import type { Protection } from './protection.ts'
import { causeOf, Door, type DoorOptions } from './session/mod.ts'
import type { Instruments } from './telemetry/mod.ts'
import {
  atCertificateEnd,
  KEEP_ALIVE,
  listen,
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
const PAGES_IDLE_MS = 30_000
const NO_PORT = 0

export interface DoorParts {
  readonly config: SidecarConfig
  readonly identity: Identity
  readonly policy: CurrentPolicy
  readonly instruments: Instruments
  readonly log: Log
  readonly refusalLog: RefusalLog
  readonly clock: Clock
  readonly turn: Turn
  readonly outbound: Stack
  readonly connect: Stack
  readonly inbound: Stack
  readonly view: AdminView
  readonly protection: Protection
  draining(): boolean
  broken(error: unknown): void
}

/** The four listeners of a sidecar. */
export interface Doors {
  readonly ports: { readonly outbound: Port; readonly inbound: Port; readonly admin: Port; readonly metrics: Port }
  /** Where the sidecar itself is reached. */
  readonly listeners: readonly OwnListener[]
  readonly outbound: Door
  readonly inbound: Door
  sweep(): void
  close(): void
}

/** Opens all listeners, or none. */
export async function openDoors(parts: DoorParts): Promise<Result<Doors, string>> {
  const { config, identity, view } = parts
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
  const admin = new Door({ ...doorOptions(parts, 'admin', PAGES_IDLE_MS), begin: adminPages(view) })
  const metrics = new Door({ ...doorOptions(parts, 'metrics', PAGES_IDLE_MS), begin: metricsPages(view) })
  const shared = new SharedReads()
  const mesh = meshListener(parts, inbound, shared)
  const stopRenewing = identity.onChange(svid => mesh.renew(svid))

  const servers = {
    outbound: { server: plainServer(outbound, shared), host: config.host },
    inbound: { server: mesh.server, host: config.inboundHost },
    admin: { server: plainServer(admin, shared), host: '127.0.0.1' },
    metrics: { server: plainServer(metrics, shared), host: config.host },
  }
  parts.protection.guard(servers.outbound.server, 'outbound', outbound)
  parts.protection.guard(servers.inbound.server, 'inbound', inbound)
  parts.protection.guardPages(servers.admin.server)
  parts.protection.guardPages(servers.metrics.server)
  const closeServers = (): void => {
    stopRenewing()
    for (const { server } of Object.values(servers)) server.close()
  }
  const ports: Record<string, Port> = {}
  const listeners: OwnListener[] = []
  for (const [name, { server, host }] of Object.entries(servers)) {
    const bound = await listen(server, host, config.ports[name as keyof typeof servers], `--${name}-port`)
    if (!bound.ok) {
      closeServers()
      return err(bound.error)
    }
    ports[name] = bound.value
    listeners.push({ host, port: bound.value })
  }
  const doors = [outbound, inbound, admin, metrics]
  return ok({
    ports: ports as Doors['ports'],
    listeners,
    outbound,
    inbound,
    sweep: () => {
      for (const door of doors) door.sweep()
      parts.instruments.inboundConnections = inbound.connections
      parts.instruments.outboundConnections = outbound.connections
    },
    close: () => {
      closeServers()
      for (const door of doors) door.destroyAll()
    },
  })
}

/** Applications, and those who ask for pages: connections in plaintext, read into one buffer. */
function plainServer(door: Door, shared: SharedReads) {
  const options = { allowHalfOpen: true, noDelay: true, pauseOnConnect: true, ...KEEP_ALIVE }
  return createServer(options, accepted => {
    const moved = moveToSharedReads(accepted, shared)
    door.accept(moved?.socket ?? accepted, { kind: 'application' }, NO_PORT, undefined, moved?.reads)
    if (moved === undefined) accepted.resume()
  })
}

function doorOptions(parts: DoorParts, door: string, idleMs: number): DoorOptions {
  const { instruments, refusalLog } = parts
  return {
    turn: parts.turn,
    begin: () => undefined,
    // Only the outbound door is a proxy.
    connect: (_x, session) => session.refuseConnect(),
    refused: why => {
      const cause = causeOf(why)
      instruments.refused(cause)
      refusalLog(why.detail, { door, cause, status: String(why.status), why: why.detail }, 'Refused a request')
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

function meshListener(parts: DoorParts, door: Door, shared: SharedReads): MeshListener {
  const { identity, instruments, refusalLog, policy, clock } = parts
  return new MeshListener(identity.current(), {
    permissive: () => policy.self?.mesh.mtls === 'permissive',
    secured: (socket: TLSSocket) => {
      const svid = identity.current()
      const peer = peerOf(socket, svid, clock)
      if (!peer.ok) {
        instruments.refused('unauthenticated')
        refusalLog('peer', { why: peer.error, from: socket.remoteAddress ?? 'unknown' }, 'Refused a peer')
        socket.destroy()
        return
      }
      const named = typeof socket.servername === 'string' ? appPortOfSni(socket.servername) : undefined
      const sharing = shareReads(socket, shared)
      const session = door.accept(socket, peerCaller(peer.value), named ?? NO_PORT, sharing?.early, sharing?.reads)
      atCertificateEnd(socket, clock, () => endSoon(socket, session), svid.notAfterMs)
    },
    plain: (socket: Socket, first: Buffer) => {
      door.accept(socket, { kind: 'unauthenticated', why: 'plaintext' }, NO_PORT, first)
    },
    handshakeFailed: (why, from) => {
      instruments.refused('tls-handshake')
      // Who is leaving breaks handshakes off itself, and may have closed its log.
      if (!parts.draining()) refusalLog(why, { why, from }, 'Refused a peer: its TLS handshake failed')
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
