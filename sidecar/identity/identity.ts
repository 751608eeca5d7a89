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
  /** The roots of other trust domains, PEM: each is believed about its own domain alone, and never merged with ours. */
  readonly federatedBundles?: ReadonlyMap<TrustDomain, readonly string[]>
  readonly trustDomain: TrustDomain
  /** Unix time in milliseconds. */
  readonly notBeforeMs: number
  readonly notAfterMs: number
}

/** How the keeping of an identity fares, for alarms. Unix times in milliseconds. */
export type RenewalState =
  | { readonly kind: 'waiting' /** When the next renewal begins. */; readonly nextMs: number }
  | {
      readonly kind: 'failing'
      /** Why the last try failed. */
      readonly why: string
      readonly sinceMs: number
      readonly nextMs: number
    }

/** The sidecar's own identity, kept fresh: it renews at half of its life, with jitter, until it is closed. */
export interface Identity {
  current(): Svid
  /** From half of a certificate's life on, `failing` is a reason for an alarm; at the certificate's end it closes all that needs it. */
  renewal(): RenewalState
  /** Called after each renewal. Returns the function that ends it. */
  onChange(listener: (svid: Svid) => void): () => void
  close(): void
}
