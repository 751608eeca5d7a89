import type { Socket } from 'node:net'

/**
 * A tunnel in which nothing passes either way, as Envoy has it for TCP. Programs keep connections to databases for long, and find out themselves that one
 * was closed; a peer that is gone without a word is found by TCP's own probes much earlier.
 */
export const TUNNEL_IDLE_MS = 3_600_000

/**
 * `idle`: between requests, or before the first. `head`: something has come, not enough to know what it is. `body`: a request's body is coming.
 * `answer`: the caller waits for us. `tunnel`: bytes pass as they are. `closing`: a last answer is on its way.
 */
export type ServerPhase = 'idle' | 'head' | 'body' | 'answer' | 'tunnel' | 'closing'

/** One caller's connection, whatever is spoken on it, as its door sees it. */
export interface ServerSession {
  readonly socket: Socket
  readonly phase: ServerPhase
  /** Whether some of what was written is still here. */
  readonly unsent: boolean
  /** Whether nothing comes from the caller because we don't read. */
  readonly paused: boolean
  /** Exchanges under way, tunnels left out. */
  readonly exchanges: number
  /** Monotonic time of the last byte, of the first byte of an unfinished head; for the sweep. */
  lastActiveMs: number
  /** Once a second: what it has to see to itself. */
  tend?(nowMs: number): void
  /** The sidecar is leaving, and the caller is told so now, where its protocol has a word for it; else with the next answer. */
  drain?(): void
  /** A caller that asks for nothing is closed at once; one that does, after its answers. */
  closeWhenIdle(): void
  /** The caller has been silent for too long in the middle of something. */
  timedOut(): void
  /** Ends the connection at once. What is under way never looks whole. */
  destroy(): void
  /** Ends the connection so that nobody takes it for an orderly end. */
  breakOff(): void
}
