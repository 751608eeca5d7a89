import type { Headers } from './headers.ts'

/**
 * Fields that say how a message is framed, routed, authenticated or read come too late behind it (RFC 9110, 6.5.1); with them whoever merges trailers
 * into a head would be deceived.
 */
const NOT_IN_TRAILERS = [
  ...['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade'],
  ...['content-encoding', 'content-length', 'content-range', 'content-type'],
  ...['host', 'forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'x-forwarded-client-cert'],
  ...['authorization', 'proxy-authorization', 'cookie', 'set-cookie', 'expect', 'max-forwards', 'range'],
]

/** Leaves out what belongs to a head. */
export function cleanTrailers(trailers: Headers): Headers {
  for (const name of NOT_IN_TRAILERS) trailers.remove(name)
  return trailers
}
