import type { Incoming, Outgoing } from './messages.ts'

/** One stream to the control plane, from its connection's begin to its end. Never comes back: the next is another. */
export interface Link {
  /** Only once connected. */
  send(message: Outgoing): void
  /** Ends the stream in order. No event follows. Resolves when it is gone. */
  close(): Promise<void>
}

export interface LinkEvents {
  /** mTLS stands, and Hello may be sent. Once, if ever. */
  connected(): void
  message(message: Incoming): void
  /** The connection failed, or the stream ended; `why` is for people. Once, and last. */
  ended(why: string): void
}

/** Begins to connect, as whoever this sidecar is now, and gives up when that takes longer than `patienceMs`. Events come later, never before this returns. */
export type OpenLink = (events: LinkEvents, patienceMs: number) => Link
