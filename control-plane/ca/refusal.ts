/** Why nothing was signed. The codes are those of gRPC that a caller gets. */
export type RefusalCode =
  | 'unauthenticated'
  | 'permission-denied'
  | 'invalid-argument'
  | 'resource-exhausted'
  | 'failed-precondition'
  | 'unavailable'

export interface Refusal {
  readonly code: RefusalCode
  /** For the caller; holds nothing secret. */
  readonly message: string
}

export function refuse(code: RefusalCode, message: string): { readonly ok: false; readonly error: Refusal } {
  return { ok: false, error: { code, message } }
}
