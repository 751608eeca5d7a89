import type { Socket } from 'node:net'
import type { H1Problem } from '../codec/h1/mod.ts'
import type { Detected, ServerFirst } from '../detect/mod.ts'
import type { Caller, Exchange } from '../http/mod.ts'
import type { Reads, Turn } from '../transport/mod.ts'
import type { H1ServerSession } from './h1-server.ts'
import type { ServerSession } from './server-session.ts'

/** Where a connection goes that does not say so itself. */
export interface Bound {
  /** `host:port`: where its bytes go, and what requests mean that name no host. */
  readonly authority: string
  /** What is known of who listens there: `http` is never taken for anything else, `bytes` are passed without a look at them. */
  readonly speaks: 'http' | 'bytes' | 'anything'
}

/** A caller's connection before it is known what is spoken on it. */
export interface CallerSocket {
  readonly socket: Socket
  readonly caller: Caller
  /** The application's port that is meant (inbound); 0 where nothing says. */
  readonly port: number
  /** Without it, the socket is read as a stream. */
  readonly reads: Reads | undefined
  /** `undefined`: its requests say where they go, and nothing but HTTP is served. */
  readonly bound: Bound | undefined
  /** It has been silent already, and may still turn out to mean mTLS: then the listener has it back, with what was read. */
  readonly secure?: ((read: Buffer) => void) | undefined
}

/** What was found out: `server-first` where the far side has spoken before the caller, `undecided` where neither has said anything, and the caller wants no more. */
export type Found = Detected | 'server-first'

/** What a server session needs of its surroundings. */
export interface ServerHost {
  readonly turn: Turn
  /** Who is known to speak before its callers do. */
  readonly serverFirst: ServerFirst
  /** A request's head is there, or bytes (a CONNECT) that wait to be carried: run the stack. */
  begin(x: Exchange): void
  /** A CONNECT of HTTP/1.1: answer through the exchange, or hand the connection over. */
  connect(x: Exchange, session: H1ServerSession): void
  /** Begins anew with a connection of which nothing is known, or no longer. */
  accept(connection: CallerSocket): void
  refused(session: ServerSession, why: H1Problem): void
  /** What is spoken on a connection. */
  detected(found: Found): void
  /** An exception of ours inside an exchange. */
  broken(error: unknown): void
  /** From now on this session has its socket. */
  opened(session: ServerSession): void
  /** Its socket has closed, or is another's now. */
  closed(session: ServerSession): void
  /** Whether answers should ask the caller to close. */
  draining(): boolean
}
