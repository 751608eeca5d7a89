/** The static table (RFC 7541, appendix A), name and value by turns. The first field has index 1. */
const PAIRS = [
  ...[':authority', ''],
  ...[':method', 'GET'],
  ...[':method', 'POST'],
  ...[':path', '/'],
  ...[':path', '/index.html'],
  ...[':scheme', 'http'],
  ...[':scheme', 'https'],
  ...[':status', '200'],
  ...[':status', '204'],
  ...[':status', '206'],
  ...[':status', '304'],
  ...[':status', '400'],
  ...[':status', '404'],
  ...[':status', '500'],
  ...['accept-charset', ''],
  ...['accept-encoding', 'gzip, deflate'],
  ...['accept-language', ''],
  ...['accept-ranges', ''],
  ...['accept', ''],
  ...['access-control-allow-origin', ''],
  ...['age', ''],
  ...['allow', ''],
  ...['authorization', ''],
  ...['cache-control', ''],
  ...['content-disposition', ''],
  ...['content-encoding', ''],
  ...['content-language', ''],
  ...['content-length', ''],
  ...['content-location', ''],
  ...['content-range', ''],
  ...['content-type', ''],
  ...['cookie', ''],
  ...['date', ''],
  ...['etag', ''],
  ...['expect', ''],
  ...['expires', ''],
  ...['from', ''],
  ...['host', ''],
  ...['if-match', ''],
  ...['if-modified-since', ''],
  ...['if-none-match', ''],
  ...['if-range', ''],
  ...['if-unmodified-since', ''],
  ...['last-modified', ''],
  ...['link', ''],
  ...['location', ''],
  ...['max-forwards', ''],
  ...['proxy-authenticate', ''],
  ...['proxy-authorization', ''],
  ...['range', ''],
  ...['referer', ''],
  ...['refresh', ''],
  ...['retry-after', ''],
  ...['server', ''],
  ...['set-cookie', ''],
  ...['strict-transport-security', ''],
  ...['transfer-encoding', ''],
  ...['user-agent', ''],
  ...['vary', ''],
  ...['via', ''],
  ...['www-authenticate', ''],
]

/** How many fields the static table has: the newest field of a dynamic table has the index after these. */
export const STATIC_FIELDS = PAIRS.length / 2

/** By index; 0 is no index. */
export function staticName(index: number): string {
  return PAIRS[index * 2 - 2]!
}

export function staticValue(index: number): string {
  return PAIRS[index * 2 - 1]!
}
