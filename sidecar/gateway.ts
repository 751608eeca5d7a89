import { createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, type TLSSocket, type TlsOptions } from 'node:tls'
import { handshakeFault } from '../certs/mod.ts'
import { hostOfService } from '../common/mod.ts'
import type { GatewayCredentials, GatewaySetting } from './gateway-setting.ts'
import type { Caller } from './http/mod.ts'
import type { Svid } from './identity/mod.ts'
import { spoken } from './outbound/mod.ts'
import type { CurrentPolicy } from './policy/mod.ts'
import type { Bound } from './session/mod.ts'
import { KEEP_ALIVE } from './transport/mod.ts'

/** As at the inbound port: a handshake takes milliseconds; Node waits 120 s. */
const HANDSHAKE_TIMEOUT_MS = 5_000

/** Who comes in at a gateway: they speak as our application, and to one service. */
export function gatewayCaller(setting: GatewaySetting): Caller {
  return { kind: 'application', service: authorityOf(setting) }
}

/** Where a gateway's connections go, and what is known to be spoken there; that is known once the service is. */
export function gatewayBound(setting: GatewaySetting, policy: CurrentPolicy): Bound {
  // A use, so that it is asked for, and kept.
  const known = policy.lookup(setting.service)
  const ports = known.kind === 'known' ? known.service.snapshot.ports : []
  return { authority: authorityOf(setting), speaks: spoken(ports, setting.servicePort) }
}

function authorityOf({ service, servicePort }: GatewaySetting): string {
  return `${hostOfService(service)}:${servicePort}`
}

export interface TlsGatewayEvents {
  secured(socket: TLSSocket): void
  /** `why` is OpenSSL's name for it, or Node's. */
  handshakeFailed(why: string): void
  /** One of these has thrown: a bug of ours, which costs that connection. */
  broken(error: unknown): void
}

/** A gateway whose callers speak TLS, and need no certificate. */
export interface TlsGateway {
  readonly server: Server
  /** From now on handshakes show this identity, unless the user has given certificates. */
  renew(svid: Svid): void
}

export function tlsGateway(given: GatewayCredentials | undefined, svid: Svid, events: TlsGatewayEvents): TlsGateway {
  const guarded = (socket: Socket, work: () => void): void => {
    try {
      work()
    } catch (error) {
      socket.on('error', () => undefined)
      socket.destroy()
      events.broken(error)
    }
  }
  const tls = createTlsServer(tlsOptions(given, svid))
  tls.on('secureConnection', socket => {
    socket.allowHalfOpen = true
    guarded(socket, () => events.secured(socket))
  })
  tls.on('tlsClientError', (error, socket) => {
    socket.destroy()
    guarded(socket, () => events.handshakeFailed(handshakeFault(error, socket)))
  })
  // Half-open, who ends within the handshake would hold a descriptor until its time limit.
  const server = createServer({ noDelay: true, ...KEEP_ALIVE }, socket => tls.emit('connection', socket))
  return {
    server,
    renew: renewed => {
      if (given === undefined) tls.setSecureContext(tlsOptions(given, renewed))
    },
  }
}

/** RFC 9113, 9.2: HTTP/2 wants TLS 1.2 or later. Callers may be anything, so this is not what sidecars speak between them. */
function tlsOptions(given: GatewayCredentials | undefined, svid: Svid): TlsOptions {
  return {
    cert: given?.certificate ?? svid.certificateChainPem,
    key: given?.key ?? svid.privateKeyPem,
    minVersion: 'TLSv1.2',
    ALPNProtocols: ['h2', 'http/1.1'],
    handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
  }
}
