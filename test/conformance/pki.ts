import { generateKeyPairSync } from 'node:crypto'
import type { ConnectionOptions } from 'node:tls'
import {
  type CaKeyPair,
  type CertificateTemplate,
  type KeyPair,
  leafTemplate,
  makeCa,
  makeKeyPair,
  signCertificate,
  toPem,
} from '../../certs/mod.ts'
import type { SpiffeId, TrustDomain } from '../../common/mod.ts'
import type { Svid } from '../../sidecar/identity/mod.ts'

// Certificates with any fault one likes: our own templates, with what they say changed.

const HOUR_MS = 3_600_000

/** A certificate with its key, as TLS takes them. */
export interface Shown {
  /** PEM, leaf first. */
  readonly cert: string
  readonly key: string
}

export interface LeafWish {
  readonly id: string
  /** Who signs, with its own certificate as the issuer. */
  readonly issuer: CaKeyPair
  readonly change?: Partial<CertificateTemplate>
  readonly keys?: KeyPair
  /** Sent along after the leaf, DER. */
  readonly intermediates?: readonly Buffer[]
}

/** A leaf that keeps every rule but those that `change` breaks. */
export function leafOf({ id, issuer, change = {}, keys = makeKeyPair(), intermediates = [] }: LeafWish): Shown & {
  readonly der: Buffer
} {
  const template = {
    ...leafTemplate({
      publicKeySpkiDer: keys.publicKeySpkiDer,
      spiffeId: id as SpiffeId,
      dnsNames: [],
      lifeMs: HOUR_MS,
      nowMs: Date.now(),
    }),
    ...change,
  }
  const der = signCertificate(template, issuer.privateKeyPem, issuer.certificateDer)
  const cert = [der, ...intermediates].map(each => toPem('CERTIFICATE', each)).join('')
  return { cert, key: keys.privateKeyPem, der }
}

/** A certificate that signs others: an intermediate CA, or what would like to be one. */
export function issuerOf(wish: LeafWish): CaKeyPair {
  const { der, key } = leafOf(wish)
  return { certificateDer: der, privateKeyPem: key }
}

export function caOf(trustDomain: string): CaKeyPair {
  return makeCa({ trustDomain: trustDomain as TrustDomain, lifeMs: 24 * HOUR_MS, nowMs: Date.now() })
}

/** Keys that no peer may have. */
export function weakKeys(kind: 'rsa-1024' | 'secp224r1'): KeyPair {
  const { privateKey, publicKey } =
    kind === 'rsa-1024'
      ? generateKeyPairSync('rsa', { modulusLength: 1024 })
      : generateKeyPairSync('ec', { namedCurve: 'secp224r1' })
  return {
    privateKeyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    publicKeySpkiDer: publicKey.export({ type: 'spki', format: 'der' }),
  }
}

export function svidOf(
  { cert, key }: Shown,
  id: string,
  bundle: readonly Buffer[],
  federated?: ReadonlyMap<string, readonly Buffer[]>,
): Svid {
  const [, , trustDomain = ''] = id.split('/')
  const pems = (ders: readonly Buffer[]): string[] => ders.map(der => toPem('CERTIFICATE', der))
  const bundles = [...(federated ?? [])].map(([domain, roots]) => [domain as TrustDomain, pems(roots)] as const)
  return {
    spiffeId: id as SpiffeId,
    certificateChainPem: cert,
    privateKeyPem: key,
    trustBundlePem: pems(bundle),
    ...(federated === undefined ? {} : { federatedBundles: new Map(bundles) }),
    trustDomain: trustDomain as TrustDomain,
    notBeforeMs: Date.now() - HOUR_MS,
    notAfterMs: Date.now() + HOUR_MS,
  }
}

/** As a client that believes any server and says no more than it must. */
export function clientWith(shown: Partial<Shown>, more: ConnectionOptions = {}): ConnectionOptions {
  return { rejectUnauthorized: false, checkServerIdentity: () => undefined, ...shown, ...more }
}
