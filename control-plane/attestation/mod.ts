/**
 * Attestation: what makes the control plane believe that a caller is the workload it says it is, before it has a certificate.
 * Today join tokens; a Kubernetes service-account token is to stand beside them.
 * Invariants: a secret is never kept, logged or repeated, only its digest is; it is compared in constant time; one token admits one
 * identity, a bounded number of times, until a moment that is set when it is made; nobody is admitted as the control plane.
 */
export { type Attestation, attestJoinToken, createJoinToken, type NewJoinToken } from './join-token.ts'
export type { JoinTokenRecord, TokenRecords } from './token-records.ts'
