/**
 * The certificate authority: keeps the mesh's root, signs what attested callers ask for, and keeps the control plane's own leaf
 * fresh.
 * Invariants: the root is made on the very first start and never again; only the attested identity is ever issued, and a request for
 * anything more is refused whole; signing is rate limited; proto messages are touched in `wire.ts` alone.
 */
export { type Authority, type IssuedLeaf, openAuthority } from './authority.ts'
export { type OwnLeaf, openOwnLeaf } from './own-leaf.ts'
export { type PeerIdentity, peerIdentity } from './peer-identity.ts'
export type { Refusal, RefusalCode } from './refusal.ts'
export { discoveryServerCredentials, enrolmentServerCredentials } from './server-credentials.ts'
export {
  type CsrOutcome,
  type EnrolmentOptions,
  enrolmentService,
  type RenewalOptions,
  renewalService,
} from './services.ts'
