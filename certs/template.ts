import { randomBytes } from 'node:crypto'
import type { SpiffeId, TrustDomain } from '../common/mod.ts'
import type { ExtendedKeyUsage, KeyUsage } from './key-usage.ts'

/** What a certificate shall say: everything but who signs it. */
export interface CertificateTemplate {
  readonly publicKeySpkiDer: Buffer
  /** Empty: no subject at all, and the SAN must be critical (RFC 5280, 4.2.1.6). */
  readonly subject: { readonly organization?: string; readonly commonName?: string }
  readonly serial: Buffer
  /** Unix time in milliseconds. */
  readonly notBeforeMs: number
  readonly notAfterMs: number
  readonly uriSans: readonly string[]
  readonly dnsSans: readonly string[]
  /** Those of this room have none. */
  readonly emailSans?: readonly string[]
  readonly sanCritical: boolean
  readonly isCa: boolean
  readonly keyUsage: readonly KeyUsage[]
  readonly keyUsageCritical: boolean
  readonly extendedKeyUsage: readonly ExtendedKeyUsage[]
}

export interface LeafWish {
  readonly publicKeySpkiDer: Buffer
  readonly spiffeId: SpiffeId
  readonly dnsNames: readonly string[]
  readonly lifeMs: number
  /** Unix time in milliseconds. */
  readonly nowMs: number
}

/**
 * A certificate is valid from before it was made, for those whose clocks are behind: by an hour, as where somebody has set the time of another zone,
 * and by the minutes that such a clock is off besides. It gives nobody anything: the key is as new as the certificate.
 */
export const NOT_BEFORE_BACKDATE_MS = 65 * 60_000
/** RFC 5280, 4.1.2.2: positive, at most 20 bytes; the CA/Browser Forum asks for 64 random bits at least. */
const SERIAL_BYTES = 16
/** RFC 5280, appendix A: ub-organization-name and ub-common-name. */
const NAME_CHARACTERS_MAX = 64

/** A root: its one URI SAN is the trust domain's SPIFFE ID, which has no path (X.509-SVID, section 3.1). */
export function caTemplate(wish: {
  readonly trustDomain: TrustDomain
  readonly publicKeySpkiDer: Buffer
  readonly lifeMs: number
  readonly nowMs: number
}): CertificateTemplate {
  return {
    publicKeySpkiDer: wish.publicKeySpkiDer,
    subject: { organization: wish.trustDomain.slice(0, NAME_CHARACTERS_MAX), commonName: 'Selvedge root CA' },
    serial: randomSerial(),
    notBeforeMs: wish.nowMs - NOT_BEFORE_BACKDATE_MS,
    notAfterMs: wish.nowMs + wish.lifeMs,
    uriSans: [`spiffe://${wish.trustDomain}`],
    dnsSans: [],
    sanCritical: false,
    isCa: true,
    keyUsage: ['keyCertSign', 'cRLSign'],
    keyUsageCritical: true,
    extendedKeyUsage: [],
  }
}

/**
 * A workload's leaf: X.509-SVID, sections 2 to 4. It says who it is in its SAN and nowhere else, so the subject is empty and
 * the SAN critical. DNS names stand beside the SPIFFE ID for clients that check a host name.
 */
export function leafTemplate(wish: LeafWish): CertificateTemplate {
  return {
    publicKeySpkiDer: wish.publicKeySpkiDer,
    subject: {},
    serial: randomSerial(),
    notBeforeMs: wish.nowMs - NOT_BEFORE_BACKDATE_MS,
    notAfterMs: wish.nowMs + wish.lifeMs,
    uriSans: [wish.spiffeId],
    dnsSans: wish.dnsNames,
    sanCritical: true,
    isCa: false,
    keyUsage: ['digitalSignature'],
    keyUsageCritical: true,
    extendedKeyUsage: ['serverAuth', 'clientAuth'],
  }
}

/** 128 random bits, of which the first two say: positive, and of full length. */
function randomSerial(): Buffer {
  const serial = randomBytes(SERIAL_BYTES)
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40
  return serial
}
