/** Fields that carry secrets, and those that are named as if they did. */
const SENSITIVE =
  /^(?:(?:proxy-)?authorization|(?:set-)?cookie|.*[-_](?:token|secret|password|api-?key|session(?:-?id)?))$/

/**
 * Whether a field never goes into a table, here or at any hop behind (RFC 7541, 7.1.3): whoever can add fields to a connection could guess
 * at what the table has by the length of what is written. `name` is in lower case. Asked once for each name of a connection.
 */
export function isSensitive(name: string): boolean {
  return SENSITIVE.test(name) || (name.startsWith('x-selvedge-') && name.includes('token'))
}
