/**
 * A valid IP address in its shortest spelling (RFC 5952), which is how the kernel's are written here: two spellings of one address are equal
 * then. URLs (WHATWG) shorten IPv6 addresses by the same rules.
 */
export function shortestAddress(address: string): string {
  return address.includes(':') ? new URL(`http://[${address}]/`).hostname.slice(1, -1) : address
}
