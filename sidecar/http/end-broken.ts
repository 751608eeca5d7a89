import type { Exchange } from './exchange.ts'

/**
 * Ends an exchange in which something of ours has thrown `error`: with the answer that names the cause, or where that throws as well, with
 * the end of the caller's connection. Tells `broken` of each, and never throws.
 */
export function endBroken(x: Exchange, error: unknown, broken: (error: unknown) => void): void {
  broken(error)
  try {
    x.fail('upstream-protocol-error', 'an exception in this sidecar')
  } catch (another) {
    broken(another)
    x.breakOff()
  }
}
