import type { SpiffeId, TrustDomain } from '../../common/mod.ts'

/** An X.509-SVID with its key and the bundle to check peers against. Replaced whole. */
export interface Svid {
  readonly spiffeId: SpiffeId
  /** PEM, leaf first. */
  readonly certificateChainPem: string
  /** PEM, unencrypted PKCS#8. */
  readonly privateKeyPem: string
  /** The roots of our own trust domain, PEM. */
  readonly trustBundlePem: readonly string[]
  readonly trustDomain: TrustDomain
  /** Unix time in milliseconds. */
  readonly notBeforeMs: number
  readonly notAfterMs: number
}

/** The sidecar's own identity, kept fresh: it renews at half of its life, with jitter, until it is closed. */
export interface Identity {
  current(): Svid
  /** Called after each renewal. Returns the function that ends it. */
  onChange(listener: (svid: Svid) => void): () => void
  close(): void
}
