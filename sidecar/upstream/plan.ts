import type { RetryRule } from '../../model/snapshot/mod.ts'
import type { Destination } from './destination.ts'

/** Where an exchange goes and how often it may be tried; settled before the first attempt. */
export interface CarryPlan {
  readonly destination: Destination
  /** The Service's port. */
  readonly port: number
  readonly retry: RetryRule | undefined
  /** Retries after a connection failure where no rule says otherwise. */
  readonly defaultRetries: number
  readonly attemptTimeoutMs: number | undefined
  /** Monotonic; the end of the whole exchange. */
  readonly deadlineMs: number | undefined
}
