import type { AttemptClass, Random, ServiceKey } from '../../common/mod.ts'
import type { BreakerCounts } from '../../decide/breaker/mod.ts'
import type { Exchange, OpenTunnels } from '../http/mod.ts'
import type { Svid } from '../identity/mod.ts'
import type { Lookups, SharedReads, TimerWheel, Turn } from '../transport/mod.ts'

/** What a socket says of its two ends. */
export interface ConnectionEnds {
  readonly localAddress?: string | undefined
  readonly remoteAddress?: string | undefined
  readonly remotePort?: number | undefined
}

/** What carrying requests needs of the sidecar around it. */
export interface UpstreamEnvironment {
  /** Where the time comes from, and what is written goes out. */
  readonly turn: Turn
  readonly random: Random
  readonly wheel: TimerWheel
  /** How names of hosts outside the mesh become addresses. */
  readonly lookups: Lookups
  /** What connections to endpoints read into. */
  readonly reads: SharedReads
  /** What exchanges have become that switched protocols. */
  readonly tunnels: OpenTunnels
  /** What counts what a new destination has under way: in this thread, or in all of the sidecar's. */
  breakerOf(service: ServiceKey | undefined): BreakerCounts
  /** The identity to connect with; `undefined` before there is one. */
  svid(): Svid | undefined
  /** Whether a connection that we made came out at one of our own listeners. */
  isOurselves(connection: ConnectionEnds): boolean
  /** An attempt's head is about to be sent. */
  attempting(x: Exchange): void
  /** One attempt has ended. `endpoint` is `address:port`; times are monotonic milliseconds; `status` is 0 where no answer came. */
  attempted(x: Exchange, endpoint: string, outcome: AttemptClass, status: number, startMs: number, endMs: number): void
  ejected(service: string, endpoint: string): void
  /** Who answered at an endpoint of the mesh is not who was meant, or does not believe us. No byte of a request was sent. */
  distrusted(endpoint: string, why: string): void
  /** An endpoint's answer was refused. `detail` begins with the endpoint's name, and holds nothing of the answer. */
  malformed(x: Exchange, endpoint: string, detail: string): void
  /** An exception of ours inside an exchange. */
  broken(error: unknown): void
}
