import { createServer, type Server, Socket } from 'node:net'
import { createServer as createTlsServer, type TLSSocket, type Server as TlsServer } from 'node:tls'
import { handshakeFault } from '../../certs/mod.ts'
import { err, ok, type Port, parsePort, type Result } from '../../common/mod.ts'
import { type Svid, serverTlsOptions } from '../identity/mod.ts'
import { KEEP_ALIVE } from './keep-alive.ts'

/** A caller that says nothing at all is closed after this, before anything is known of it. What follows has the handshake's own time limit. */
const FIRST_BYTE_MS = 4_000
/** In permissive mode, a caller that says nothing for so long may be waiting for the application to speak: who means TLS speaks at once. */
const SILENT_MS = 50
const TLS_HANDSHAKE = 0x16
/** What Node says where the system has no `SO_REUSEPORT` that deals connections out. */
const NO_SHARING: ReadonlySet<string> = new Set(['ENOTSUP', 'EINVAL', 'ENOPROTOOPT'])

/**
 * Opens a listener. Port 0 asks for a free one. `flag` is what the message tells the user to change. `shared` lets others of the same
 * user listen there, too: the kernel then deals connections out to all of them.
 */
export function listen(
  server: Server,
  host: string,
  port: number,
  flag: string,
  shared = false,
): Promise<Result<Port, string>> {
  return new Promise(resolve => {
    const onError = (error: NodeJS.ErrnoException): void => {
      if (shared && NO_SHARING.has(error.code ?? '')) {
        resolve(
          err(`Cannot share ${host}:${port}: this system knows no SO_REUSEPORT (${error.code}). Use --workers 1.`),
        )
        return
      }
      const why = error.code === 'EADDRINUSE' ? 'the port is in use' : error.message
      resolve(err(`Cannot listen on ${host}:${port}: ${why}. Choose another port with ${flag} (0 takes a free one).`))
    }
    server.once('error', onError)
    server.listen({ port, host, reusePort: shared }, () => {
      server.removeListener('error', onError)
      // Running out of file descriptors must not end the process: accepting goes on when some are free again.
      server.on('error', () => undefined)
      const address = server.address()
      const bound = parsePort(typeof address === 'object' && address !== null ? address.port : port)
      resolve(bound.ok ? ok(bound.value) : bound)
    })
  })
}

export interface MeshListenerEvents {
  /** A connection with a verified chain; whose it is, the listener's owner checks. */
  secured(socket: TLSSocket): void
  /** A plaintext connection, only in permissive mode. `first` has been read already. */
  plain(socket: Socket, first: Buffer): void
  /**
   * A caller that has said nothing yet, only in permissive mode. Whether it is taken: then it is read by who took it, and given back to `secure`, with what
   * was read, if it means TLS after all.
   */
  silent?(socket: Socket, secure: (read: Buffer) => void): boolean
  /** `why` is OpenSSL's name for it, or Node's: `CERT_HAS_EXPIRED`. */
  handshakeFailed(why: string, from: string): void
  permissive(): boolean
  /** One of these has thrown: a bug of ours, which costs that connection. */
  broken(error: unknown): void
}

/** The inbound port: mTLS, and in permissive mode plaintext beside it, told apart by the first byte. */
export class MeshListener {
  readonly server: Server
  private readonly tls: TlsServer
  private readonly events: MeshListenerEvents

  constructor(svid: Svid, events: MeshListenerEvents) {
    this.events = events
    this.tls = createTlsServer(serverTlsOptions(svid, 'strict'))
    this.tls.on('secureConnection', socket => {
      socket.allowHalfOpen = true
      this.guarded(socket, () => events.secured(socket))
    })
    this.tls.on('tlsClientError', (error, socket) => {
      const from = addressOf(socket)
      socket.destroy()
      this.guarded(socket, () => events.handshakeFailed(handshakeFault(error, socket), from))
    })
    this.server = createServer({ allowHalfOpen: true, noDelay: true, ...KEEP_ALIVE }, socket => {
      this.guarded(socket, () => this.accept(socket))
    })
  }

  /** From now on handshakes use this identity; connections that are there stay. */
  renew(svid: Svid): void {
    this.tls.setSecureContext(serverTlsOptions(svid, 'strict'))
  }

  /** Node calls these from within OpenSSL's callbacks: what they throw would end the process, for one connection. */
  private guarded(socket: Socket, work: () => void): void {
    try {
      work()
    } catch (error) {
      socket.on('error', () => undefined)
      socket.destroy()
      this.events.broken(error)
    }
  }

  private accept(socket: Socket): void {
    if (!this.events.permissive()) {
      this.secure(socket)
      return
    }
    let timer = setTimeout(() => this.guarded(socket, onSilence), SILENT_MS)
    const onSilence = (): void => {
      timer = setTimeout(() => socket.destroy(), FIRST_BYTE_MS - SILENT_MS)
      const taken = this.events.silent?.(socket, read => this.guarded(socket, () => this.tellApart(socket, read)))
      if (taken !== true) return
      clearTimeout(timer)
      socket.removeListener('data', onFirst)
    }
    const onFirst = (first: Buffer): void => {
      clearTimeout(timer)
      this.guarded(socket, () => this.tellApart(socket, first))
    }
    const onGone = (): void => clearTimeout(timer)
    socket.on('error', onGone)
    socket.once('close', onGone)
    socket.once('data', onFirst)
  }

  private tellApart(socket: Socket, first: Buffer): void {
    if (first[0] !== TLS_HANDSHAKE) {
      this.events.plain(socket, first)
      return
    }
    socket.pause()
    socket.unshift(first)
    this.secure(socket)
  }

  private secure(socket: Socket): void {
    // Asked once, so that a refusal can say it.
    void socket.remoteAddress
    // Who ends within the handshake has gone: half-open, each of them would hold a descriptor until the handshake's time limit.
    socket.allowHalfOpen = false
    this.tls.emit('connection', socket)
  }
}

/** Of a socket that has gone, Node knows it no more; but the one below it, which was asked when it came, has kept it. */
function addressOf(socket: Socket): string {
  const below: unknown = Reflect.get(socket, '_parent')
  const { remoteAddress, remotePort } = socket.remoteAddress === undefined && below instanceof Socket ? below : socket
  return remoteAddress === undefined ? 'unknown' : `${remoteAddress}:${remotePort}`
}
