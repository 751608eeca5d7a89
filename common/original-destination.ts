import type { Port } from './endpoint-ref.ts'

/** Where a connection was going before the kernel redirected it to us. */
export interface OriginalDestination {
  /** An IP address in its shortest spelling; an IPv4 address is never written as IPv6. */
  readonly address: string
  readonly port: Port
  readonly family: 4 | 6
}
