import type { Result } from '../../common/mod.ts'

/** What an answer to a review did, for metrics and log. */
export type AdmissionResult = 'injected' | 'present' | 'skipped' | 'refused' | 'ignored'

export interface ReviewAnswer {
  /** JSON-able, to be sent back. */
  readonly body: unknown
  readonly result: AdmissionResult
  /** What was asked about, for the log. */
  readonly subject: string
  /** Why it was skipped or refused. */
  readonly why?: string
}

/**
 * What may be plugged into a control plane so that it answers the Kubernetes API server: whether an object may be made, and what is to be
 * changed in it. The control plane lends its port and certificate, and knows nothing of Kubernetes.
 */
export interface Admission {
  /** Answers one review. Pure and quick: the API server waits. The error says why it is none; it is answered with 400. */
  review(body: unknown): Result<ReviewAnswer, string>
}
