import { connect, type LookupFunction, type OnReadOpts, type Socket } from 'node:net'
import { connect as connectTls, createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls'
import { tlsErrorText } from '../../certs/mod.ts'
import { type SpiffeId, type TrustDomain, trustDomainOf } from '../../common/mod.ts'
import { clientTlsOptions, type Svid } from '../identity/mod.ts'
import { KEEP_ALIVE } from './keep-alive.ts'
import type { Lookups } from './lookups.ts'
import type { Reads, SharedReads } from './shared-reads.ts'
import { Timer, type TimerWheel } from './wheel.ts'

/** Where to connect, and who must be there. `host` is an address, or outside the mesh a name. */
export type DialTarget =
  | {
      readonly kind: 'plain'
      readonly host: string
      readonly port: number
      /** Our half stays open when the far half ends: for bytes that nobody here understands. */
      readonly allowHalfOpen?: boolean
    }
  | {
      readonly kind: 'mesh'
      readonly host: string
      readonly port: number
      /** `p8080.<service>.<namespace>` */
      readonly serverName: string
      readonly expected: SpiffeId
      readonly svid: Svid
      /** Whoever is to carry requests there speaks HTTP/1.1 alone. */
      readonly onlyHttp1?: boolean
    }

export interface Dialled {
  /** With `shared` reads, whoever takes the socket sets `reads.take`; without, `reads` is `undefined` and the socket is a stream. */
  connected(socket: Socket, reads: Reads | undefined): void
  /** No byte of any request has been sent. `handshake`: somebody answered, and is not who was meant, or does not take us for whom we are. */
  failed(detail: string, stage: 'connect' | 'handshake'): void
}

// A context parses certificates and keys: once for each identity and the domain that it meets, not once for each connection.
const contexts = new WeakMap<Svid, Map<TrustDomain, SecureContext>>()

/** Connects, with mTLS where the target is in the mesh. One of the two callbacks is called, once. Returns what gives it up. */
export function dial(
  target: DialTarget,
  timeoutMs: number,
  wheel: TimerWheel,
  { lookup }: Lookups,
  result: Dialled,
  shared?: SharedReads,
): () => void {
  let settled = false
  const opened = shared?.open()
  const options = opened === undefined ? { lookup } : { lookup, onread: opened.onread }
  const socket = target.kind === 'plain' ? plainSocket(target, options) : meshSocket(target, options)
  let stage: 'connect' | 'handshake' = 'connect'
  const timer = new Timer(() => {
    // Slow is nobody's fault yet.
    stage = 'connect'
    fail(`no connection within ${timeoutMs} ms`)
  })
  const fail = (detail: string): void => {
    if (settled) return
    settled = true
    wheel.clear(timer)
    socket.destroy()
    result.failed(detail, stage)
  }
  const onError = (error: Error): void => fail(tlsErrorText(error))
  const onClose = (): void => fail('the connection was closed')
  socket.on('error', onError)
  socket.on('close', onClose)
  if (target.kind === 'mesh') {
    socket.once('connect', () => {
      stage = 'handshake'
    })
  }
  socket.once(target.kind === 'plain' ? 'connect' : 'secureConnect', () => {
    if (settled) return
    settled = true
    wheel.clear(timer)
    socket.removeListener('error', onError)
    socket.removeListener('close', onClose)
    result.connected(socket, opened?.reads)
  })
  wheel.set(timer, timeoutMs)
  return () => {
    if (settled) return
    settled = true
    wheel.clear(timer)
    // Destroying may still bring an error event; someone has to hear it.
    socket.destroy()
  }
}

interface SocketOptions {
  readonly lookup: LookupFunction
  readonly onread?: OnReadOpts
}

function plainSocket(
  { host, port, allowHalfOpen = false }: Extract<DialTarget, { kind: 'plain' }>,
  options: SocketOptions,
): Socket {
  return connect({ host, port, allowHalfOpen, noDelay: true, ...KEEP_ALIVE, ...options })
}

function meshSocket(target: Extract<DialTarget, { kind: 'mesh' }>, options: SocketOptions): Socket {
  const tlsOptions = clientTlsOptions(target.svid, target.expected)
  const secureContext = contextFor(target.svid, trustDomainOf(target.expected), tlsOptions)
  const socket = connectTls({
    ...tlsOptions,
    ...options,
    ...(target.onlyHttp1 === true ? { ALPNProtocols: ['http/1.1'] } : {}),
    secureContext,
    host: target.host,
    port: target.port,
    servername: target.serverName,
  })
  socket.setNoDelay(true)
  socket.setKeepAlive(KEEP_ALIVE.keepAlive, KEEP_ALIVE.keepAliveInitialDelay)
  return socket
}

function contextFor(svid: Svid, domain: TrustDomain, options: SecureContextOptions): SecureContext {
  let byDomain = contexts.get(svid)
  if (byDomain === undefined) {
    byDomain = new Map()
    contexts.set(svid, byDomain)
  }
  let context = byDomain.get(domain)
  if (context === undefined) {
    context = createSecureContext(options)
    byDomain.set(domain, context)
  }
  return context
}
