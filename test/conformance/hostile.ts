import { type CaKeyPair, type CertificateTemplate, toPem } from '../../certs/mod.ts'
import { caOf, issuerOf, leafOf, type Shown, weakKeys } from './pki.ts'

/** A certificate that nobody may believe, and what is said of it. */
export interface Hostile {
  readonly title: string
  /** For whoever listens (its log), whoever connects (its error). */
  readonly why: RegExp
  /** `id` is whom it claims to be, `ca` the root of the mesh. */
  make(id: string, ca: CaKeyPair): Shown
}

type Change = Partial<CertificateTemplate>

const HOUR_MS = 3_600_000

function changed(title: string, why: RegExp, change: (id: string) => Change): Hostile {
  return { title, why, make: (id, ca) => leafOf({ id, issuer: ca, change: change(id) }) }
}

function inDomain(domain: string, why: RegExp): Hostile {
  return changed(`[TLS-7] the trust domain ${domain}`, why, id => ({
    uriSans: [id.replace('spiffe://mesh.test/', `spiffe://${domain}/`)],
  }))
}

/** What peers on either side of a connection may show. Each breaks one rule, and is signed by the mesh's own root where nothing else is said. */
export const HOSTILE: readonly Hostile[] = [
  changed('[TLS-2] an end that has passed', /CERT_HAS_EXPIRED|expired/, () => ({ notAfterMs: Date.now() - 2_000 })),
  changed('[TLS-2] a beginning that is still to come', /CERT_NOT_YET_VALID|not yet valid/, () => ({
    notBeforeMs: Date.now() + HOUR_MS,
    notAfterMs: Date.now() + 2 * HOUR_MS,
  })),
  {
    title: "[TLS-2] another CA's signature, which has the very name of ours",
    why: /SIGNATURE_FAILURE|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER|DEPTH_ZERO|signature|unable to/,
    make: id => leafOf({ id, issuer: caOf('mesh.test') }),
  },

  changed('[TLS-3] [SVID-3] two URI names', /has 2 URI names/, id => ({ uriSans: [id, `${id}-too`] })),
  changed('[TLS-3] [SVID-3] the same URI name twice', /has 2 URI names/, id => ({ uriSans: [id, id] })),
  changed('[TLS-3] [SVID-3] no URI name', /has 0 URI names/, () => ({ uriSans: [] })),
  changed('[TLS-3] [SVID-3] a SPIFFE ID without a path', /has no path/, () => ({ uriSans: ['spiffe://mesh.test'] })),
  changed('[TLS-3] [SVID-3] a SPIFFE ID with an empty path', /not a path segment/, () => ({
    uriSans: ['spiffe://mesh.test/'],
  })),
  changed('[TLS-3] another scheme', /must begin with spiffe/, id => ({ uriSans: [id.replace('spiffe', 'https')] })),

  changed('[TLS-4] SPIFFE text in a DNS name alone', /has 0 URI names/, id => ({ uriSans: [], dnsSans: [id] })),
  changed('[TLS-4] SPIFFE text in an e-mail name alone', /has 0 URI names/, id => ({ uriSans: [], emailSans: [id] })),
  changed('[TLS-4] SPIFFE text in a DNS name beside its ID', /not a DNS name/, id => ({ dnsSans: [id] })),
  changed('[TLS-4] a NUL in its URI name', /not printable/, id => ({ uriSans: [`${id}\0.evil.test`] })),
  changed('[TLS-4] a NUL in a DNS name', /not printable/, () => ({ dnsSans: ['a.test\0.evil.test'] })),
  changed('[TLS-4] a NUL in an e-mail name', /not printable/, () => ({ emailSans: ['a@b.test\0'] })),
  changed('[TLS-4] a comma in its URI name', /not a path segment/, id => ({ uriSans: [`${id},URI:${id}`] })),
  changed('[TLS-4] a comma in a DNS name', /not a DNS name/, id => ({ dnsSans: [`a.test,URI:${id}`] })),
  changed('[TLS-4] a comma in an e-mail name', /not an e-mail address/, id => ({ emailSans: [`a@b.test,URI:${id}`] })),

  {
    title: '[TLS-5] [SVID-5] the CA itself',
    why: /PURPOSE|purpose|URI names|is a CA/,
    make: (_id, ca) => ({ cert: toPem('CERTIFICATE', ca.certificateDer), key: ca.privateKeyPem }),
  },
  changed('[TLS-5] [SVID-3] a leaf that is a CA', /it is a CA/, () => ({ isCa: true })),
  changed('[TLS-5] [SVID-4] a leaf that may sign certificates', /may sign certificates/, () => ({
    keyUsage: ['digitalSignature', 'keyCertSign'],
  })),
  changed('[SVID-4] a leaf that may sign revocation lists', /may sign certificates/, () => ({
    keyUsage: ['digitalSignature', 'cRLSign'],
  })),
  {
    title: '[TLS-5] the signature of another leaf',
    why: /a signer does that may not sign|key usage|UNSPECIFIED|invalid CA/,
    make: (id, ca) => {
      const leaf = issuerOf({ id: `${id}-who-signs`, issuer: ca })
      return leafOf({ id, issuer: leaf, intermediates: [leaf.certificateDer] })
    },
  },
  {
    title: '[TLS-5] the signature of a leaf whose key may sign, but that is no CA',
    why: /INVALID_CA|invalid CA|UNABLE_TO_VERIFY|INVALID_PURPOSE|unable to verify|unsuitable/,
    make: (id, ca) => {
      const change: Change = { keyUsage: ['digitalSignature', 'keyCertSign'] }
      const leaf = issuerOf({ id: `${id}-who-signs`, issuer: ca, change })
      return leafOf({ id, issuer: leaf, intermediates: [leaf.certificateDer] })
    },
  },

  inDomain('mesh.test.evil', /trust domain "mesh\.test\.evil"/),
  inDomain('td.evil', /trust domain "td\.evil"/),
  inDomain('mesh.tes', /trust domain "mesh\.tes"/),
  inDomain('mesh.testing', /trust domain "mesh\.testing"/),
  inDomain('MESH.test', /not in its normal form/),

  changed('[SVID-3] names that are not critical beside an empty subject', /not critical/, () => ({
    sanCritical: false,
  })),
  changed('[SVID-4] no key usage', /lacks a critical key usage/, () => ({ keyUsage: [] })),
  changed('[SVID-4] a key usage that is not critical', /lacks a critical key usage/, () => ({
    keyUsageCritical: false,
  })),
  changed('[SVID-4] a key usage without digitalSignature', /key usage|KEY_USAGE|INVALID_PURPOSE|purpose/, () => ({
    keyUsage: ['keyAgreement'],
  })),
]

/** For those who connect: what is meant for servers, and keys that are too weak to prove anything. */
export const HOSTILE_CLIENTS: readonly Hostile[] = [
  ...HOSTILE,
  changed('[TLS-6] a use as server alone', /PURPOSE|purpose|clientAuth/, () => ({ extendedKeyUsage: ['serverAuth'] })),
]

export const HOSTILE_SERVERS: readonly Hostile[] = [
  ...HOSTILE,
  changed('[TLS-6] a use as client alone', /PURPOSE|purpose|serverAuth/, () => ({ extendedKeyUsage: ['clientAuth'] })),
]

export const WEAK: readonly Hostile[] = (['rsa-1024', 'secp224r1'] as const).map(kind => ({
  title: `[TLS-11] a key of ${kind}`,
  why: /./,
  make: (id, ca) => leafOf({ id, issuer: ca, keys: weakKeys(kind) }),
}))
