/**
 * A port for the Kubernetes API server: HTTPS with the control plane's own certificate, renewed without a restart. What is answered is plugged in.
 * Invariants: knows no Kubernetes; a review is bounded in size and time; what is no review gets 400, and never an answer.
 */
export type { Admission, AdmissionResult, ReviewAnswer } from './admission.ts'
export { admissionServer } from './server.ts'
