import { createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, type TLSSocket, type Server as TlsServer } from 'node:tls'
import { err, ok, type Port, parsePort, type Result } from '../../common/mod.ts'
import { type Svid, serverTlsOptions } from '../identity/mod.ts'
import { KEEP_ALIVE } from './keep-alive.ts'

/** A caller that says nothing at all is closed after this, before anything is known of it. */
const FIRST_BYTE_MS = 10_000
const TLS_HANDSHAKE = 0x16

/** Opens a listener. Port 0 asks for a free one. `flag` is what the message tells the user to change. */
export function listen(server: Server, host: string, port: number, flag: string): Promise<Result<Port, string>> {
  return new Promise(resolve => {
    const onError = (error: NodeJS.ErrnoException): void => {
      const why = error.code === 'EADDRINUSE' ? 'the port is in use' : error.message
      resolve(err(`Cannot listen on ${host}:${port}: ${why}. Choose another port with ${flag} (0 takes a free one).`))
    }
    server.once('error', onError)
    server.listen(port, host, () => {
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
  handshakeFailed(): void
  permissive(): boolean
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
      events.secured(socket)
    })
    this.tls.on('tlsClientError', (_error, socket) => {
      events.handshakeFailed()
      socket.destroy()
    })
    this.server = createServer({ allowHalfOpen: true, noDelay: true, ...KEEP_ALIVE }, socket => this.accept(socket))
  }

  /** From now on handshakes use this identity; connections that are there stay. */
  renew(svid: Svid): void {
    this.tls.setSecureContext(serverTlsOptions(svid, 'strict'))
  }

  private accept(socket: Socket): void {
    if (!this.events.permissive()) {
      this.secure(socket)
      return
    }
    const timer = setTimeout(() => socket.destroy(), FIRST_BYTE_MS)
    const onGone = (): void => clearTimeout(timer)
    socket.on('error', onGone)
    socket.once('close', onGone)
    socket.once('data', (first: Buffer) => {
      clearTimeout(timer)
      if (first[0] !== TLS_HANDSHAKE) {
        this.events.plain(socket, first)
        return
      }
      socket.pause()
      socket.unshift(first)
      this.secure(socket)
    })
  }

  private secure(socket: Socket): void {
    // Who ends within the handshake has gone: half-open, each of them would hold a descriptor until the handshake's time limit.
    socket.allowHalfOpen = false
    this.tls.emit('connection', socket)
  }
}
