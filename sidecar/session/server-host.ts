import type { H1Problem } from '../codec/h1/mod.ts'
import type { Exchange } from '../http/mod.ts'
import type { Turn } from '../transport/mod.ts'
import type { H1ServerSession } from './h1-server.ts'

/** What a server session needs of its surroundings. */
export interface ServerHost {
  readonly turn: Turn
  /** A request's head is there: run the stack. */
  begin(x: Exchange): void
  /** A CONNECT: answer through `session.acceptTunnel`, or through the exchange. */
  connect(x: Exchange, session: H1ServerSession): void
  refused(session: H1ServerSession, why: H1Problem): void
  /** What is spoken after a CONNECT. All but HTTP/1.1 is refused. */
  detected(session: H1ServerSession, found: 'http1' | 'http2' | 'tls' | 'opaque'): void
  /** An exception of ours inside an exchange. */
  broken(error: unknown): void
  opened(session: H1ServerSession): void
  closed(session: H1ServerSession): void
  /** Whether answers should ask the caller to close. */
  draining(): boolean
}
