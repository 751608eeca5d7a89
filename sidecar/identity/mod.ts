/**
 * Who this sidecar is: its key, its certificate, and the roots by which it knows others; and what TLS makes of them.
 * Invariants: a private key is made here and never leaves the process; the SVID is replaced whole and renewed at half of its life;
 * peers are believed by their SPIFFE ID alone, exactly; sessions are never resumed; gRPC is loaded only by those who enrol.
 */
export { type IdentityCell, identityCell } from './cell.ts'
export { CONTROL_PLANE_CHANNEL_OPTIONS, discoveryChannelCredentials } from './discovery-channel.ts'
export { type EnrolledIdentityOptions, enrolledIdentity } from './enrolled.ts'
export type { Identity, RenewalState, Svid } from './identity.ts'
export { type LocalIdentityOptions, localIdentity } from './local.ts'
export { clientTlsOptions, peerOf, serverTlsOptions } from './tls-options.ts'

/** Loads what enrolment loads when it begins: for whoever prepares a compile cache. */
export async function loadEnrolment(): Promise<void> {
  await import('./wire.ts')
}
