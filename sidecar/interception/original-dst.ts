import { endianness, platform as thisPlatform } from 'node:os'
import { err, type OriginalDestination, ok, type Result } from '../../common/mod.ts'
import { readSocketAddress, SOCKET_ADDRESS_BYTES } from './socket-address.ts'

/** `netinet/in.h` and `linux/netfilter_ipv4.h`, the same for IPv6: SOL_IP, SOL_IPV6, SO_ORIGINAL_DST (and IP6T_SO_ORIGINAL_DST). */
const SOL_IP = 0
const SOL_IPV6 = 41
const SO_ORIGINAL_DST = 80

/**
 * Asks the kernel where the connection on a file descriptor was going before it was redirected; `undefined` where nothing is known of it, since
 * connection tracking is off or not loaded: then nobody has redirected it, either. For one that nobody redirected, its own local address.
 */
export type ReadOriginalDst = (descriptor: number, family: 4 | 6) => OriginalDestination | undefined

/** What we need of koffi. */
interface Koffi {
  load(path: null): { func(definition: string): (...values: unknown[]) => unknown }
}

export interface NativeParts {
  readonly platform?: NodeJS.Platform
  /** @default koffi, which is an optional dependency */
  readonly load?: () => Promise<{ readonly default: Koffi }>
}

/** The one native door: `getsockopt` of the C library, through koffi. Costs 2 to 9 us a call. The error is one sentence. */
export async function loadOriginalDst({
  platform = thisPlatform(),
  load = () => import('koffi'),
}: NativeParts = {}): Promise<Result<ReadOriginalDst, string>> {
  if (platform !== 'linux') {
    return err(
      `Cannot intercept connections: ${platform} has no SO_ORIGINAL_DST. Use --intercept none, and the sidecar as an HTTP proxy.`,
    )
  }
  try {
    const { default: koffi } = await load()
    const getsockopt = koffi
      .load(null)
      .func('int getsockopt(int descriptor, int level, int name, _Out_ void *value, _Inout_ uint32_t *length)')
    const littleEndian = endianness() === 'LE'
    // Filled anew by each call, and read before the next.
    const bytes = Buffer.alloc(SOCKET_ADDRESS_BYTES)
    const length = [SOCKET_ADDRESS_BYTES]
    return ok((descriptor, family) => {
      length[0] = SOCKET_ADDRESS_BYTES
      const level = family === 4 ? SOL_IP : SOL_IPV6
      const status: unknown = getsockopt(descriptor, level, SO_ORIGINAL_DST, bytes, length)
      return status === 0 ? readSocketAddress(bytes.subarray(0, length[0]), littleEndian) : undefined
    })
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    return err(
      `Cannot intercept connections: koffi, which asks the kernel for their destinations, does not load: ${why}. ` +
        'Install it (npm install koffi), or use --intercept none.',
    )
  }
}
