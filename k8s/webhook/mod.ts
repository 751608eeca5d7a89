/**
 * The admission webhook: what the control plane answers when the Kubernetes API server asks about a new pod.
 * Invariants: the same function as `selvedge inject`; a pod that can't have its sidecar is refused with a reason, and what is no pod is let through.
 */
export { podAdmission } from './review.ts'
