import { isIPv4 } from 'node:net'
import { type OriginalDestination, parsePort } from '../../common/mod.ts'

const AF_INET = 2
const AF_INET6 = 10
/** `sockaddr_in` is 16 bytes, `sockaddr_in6` 28. */
export const SOCKET_ADDRESS_BYTES = 28
const IPV4_BYTES = 16

/**
 * Reads a `sockaddr_in` or `sockaddr_in6` as Linux fills it in: the family in the machine's byte order, port and address in the network's
 * (ip(7), ipv6(7)). `undefined` for any other family, for a short one, and for port 0.
 */
export function readSocketAddress(bytes: Buffer, littleEndian: boolean): OriginalDestination | undefined {
  if (bytes.length < IPV4_BYTES) return undefined
  const family = littleEndian ? bytes.readUInt16LE(0) : bytes.readUInt16BE(0)
  const port = parsePort(bytes.readUInt16BE(2))
  if (!port.ok) return undefined
  if (family === AF_INET) return { address: bytes.subarray(4, 8).join('.'), port: port.value, family: 4 }
  if (family !== AF_INET6 || bytes.length < SOCKET_ADDRESS_BYTES) return undefined
  const address = plainAddress(ipv6Text(bytes.subarray(8, 24)))
  return { address, port: port.value, family: isIPv4(address) ? 4 : 6 }
}

/** An IPv4 address in IPv6's clothes is the IPv4 address. */
export function plainAddress(address: string): string {
  return address.replace(/^::ffff:(?=[0-9]+\.)/i, '')
}

/** RFC 5952: lower case, no leading zeros, the longest run of zero groups as `::`, the first of equals. An IPv4-mapped one in dots. */
function ipv6Text(bytes: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(i * 2))
  if (groups.slice(0, 5).every(group => group === 0) && groups[5] === 0xffff) {
    return `::ffff:${bytes.subarray(12).join('.')}`
  }
  const { start, length } = longestZeros(groups)
  const text = (part: readonly number[]): string => part.map(group => group.toString(16)).join(':')
  return length < 2 ? text(groups) : `${text(groups.slice(0, start))}::${text(groups.slice(start + length))}`
}

function longestZeros(groups: readonly number[]): { readonly start: number; readonly length: number } {
  let best = { start: 0, length: 0 }
  let start = 0
  for (const [i, group] of groups.entries()) {
    if (group !== 0) start = i + 1
    else if (i + 1 - start > best.length) best = { start, length: i + 1 - start }
  }
  return best
}
