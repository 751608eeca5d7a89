/**
 * Certificates: our own X.509 and PKCS#10 templates, their signing, and the rules of SPIFFE by which they are checked.
 * By verb: `template` says what a certificate shall contain, `sign` makes it, `parse` says what one contains, `check` whether it
 * may be believed. Keys, signatures and chains are OpenSSL's, through node:crypto; only the encoding is ours.
 * Invariants: what is parsed is bounded in size and depth before it is looked at, and parsing never throws; a private key never
 * leaves the process but into a file of its own that only its owner can read; imports nothing of ours but common.
 */
export {
  copyCaDir,
  hasCaDir,
  initCaDir,
  loadCaDir,
  type TrustedCa,
} from './ca-dir.ts'
export { leadsTo } from './chain.ts'
export { CONTROL_PLANE, CONTROL_PLANE_DNS_NAME, controlPlaneSpiffeId, dnsNamesOf } from './control-plane-name.ts'
export { handshakeFault, tlsErrorText } from './handshake-fault.ts'
export { formatJoinToken, JOIN_TOKEN_SECRET_BYTES, type JoinToken, parseJoinToken } from './join-token.ts'
export { type KeyPair, makeKeyPair, publicKeyOf } from './key-pair.ts'
export type { ExtendedKeyUsage, KeyUsage } from './key-usage.ts'
export { type CertificateFacts, parseCertificate } from './parse-certificate.ts'
export { type CsrFacts, parseCsr } from './parse-csr.ts'
export { checkPeerSvid, KnownLeaves, type PeerRules } from './peer-svid.ts'
export { fromPem, spkiSha256, toPem } from './pem.ts'
export { renewalTimeMs, runAtWallTime } from './renewal.ts'
export { checkRoot, trustDomainOfRoot } from './root.ts'
export { type CaKeyPair, makeCa, makeCsr, makeCsrOf, signCertificate, signLeaf } from './sign.ts'
export { type CertificateTemplate, leafTemplate, NOT_BEFORE_BACKDATE_MS } from './template.ts'
