import type { ServiceKey } from '../../common/mod.ts'
import type { SnapshotUpdate } from '../../model/snapshot/mod.ts'
import type { Growth, KeptSpan } from '../telemetry/mod.ts'

/** An update that has been found good, and the shared cells of the Services in it. */
export interface SharedUpdate {
  readonly update: SnapshotUpdate
  readonly cells: ReadonlyMap<ServiceKey, SharedArrayBuffer>
}

/** `id` is 0 where no answer is waited for. */
export interface ToWorker {
  readonly question: string
  readonly id: number
  readonly value: unknown
}

export type FromWorker =
  | { readonly kind: 'answer'; readonly id: number; readonly value: unknown }
  /** Requests ask for these. */
  | { readonly kind: 'want'; readonly services: readonly ServiceKey[] }
  /** Whose this IP address is. */
  | { readonly kind: 'address'; readonly address: string }
  /** Whole lines of JSON. */
  | { readonly kind: 'log' | 'access'; readonly lines: string }
  | { readonly kind: 'hint' }
  | { readonly kind: 'growth'; readonly growth: Growth; readonly spans: readonly KeptSpan[]; readonly dropped: number }
  /** For the collector. */
  | { readonly kind: 'export'; readonly spans: readonly KeptSpan[] }
