import type { ServiceKey } from '../../common/mod.ts'

/** Whose an IP address is, as far as the mesh knows. */
export type AddressOwner =
  /** A Service's own, its `clusterIP`. */
  | { readonly kind: 'service'; readonly service: ServiceKey }
  /** An instance's: of these Services, sorted, one at least. */
  | { readonly kind: 'instance'; readonly services: readonly ServiceKey[] }
  | { readonly kind: 'nobody' }
