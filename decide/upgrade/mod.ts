/**
 * Whether a request may switch to another protocol: `Upgrade` (RFC 9110, 7.8) and extended CONNECT (RFC 8441) alike.
 *
 * Invariants: names are compared without case; what a denial says holds nothing of the request.
 */
export { upgradeDenial } from './denial.ts'
