import { type AttemptClass, type Cause, classifyStatus, isCause } from '../../common/mod.ts'
import type { RetryRule } from '../../model/snapshot/mod.ts'
import type { Headers, ResponseHead } from '../http/mod.ts'

/** What a far sidecar says of its own application. */
const CLASS_OF_FAR_CAUSE: Readonly<Partial<Record<Cause, AttemptClass>>> = {
  'connect-failed': 'connect-failed',
  draining: 'connect-failed',
  overload: 'connect-failed',
  'upstream-reset': 'reset',
  'upstream-protocol-error': 'protocol-error',
}

/** What the caller is told when no attempt is left. */
export const CAUSE_OF: Readonly<Record<AttemptClass, Cause>> = {
  success: 'upstream-protocol-error',
  'server-error': 'upstream-protocol-error',
  'gateway-error': 'upstream-protocol-error',
  'connect-failed': 'connect-failed',
  reset: 'upstream-reset',
  'protocol-error': 'upstream-protocol-error',
  timeout: 'attempt-timeout',
  cancelled: 'upstream-reset',
}

/** What a far sidecar says of its own answer. Only an authenticated peer is believed: it has removed what its application said. */
export function farCause(head: ResponseHead, authenticated: boolean): Cause | undefined {
  if (!head.hasMeshFields || !authenticated) return undefined
  const text = head.headers.get('x-selvedge-cause')
  return text !== undefined && isCause(text) ? text : undefined
}

/** A far sidecar's own answer is what it says it is, unless the policy names its code: then any method may be repeated. */
export function classOfAnswer(status: number, far: Cause | undefined, rule: RetryRule | undefined): AttemptClass {
  const outcome = far === undefined ? undefined : CLASS_OF_FAR_CAUSE[far]
  if (outcome === undefined || (outcome !== 'connect-failed' && names(rule, status))) return classifyStatus(status)
  return outcome
}

/** Whether another attempt could be worth it, before the decision room is asked: most answers end here. */
export function retryWorthwhile(outcome: AttemptClass, status: number, rule: RetryRule | undefined): boolean {
  return (outcome !== 'server-error' && outcome !== 'gateway-error' && outcome !== 'success') || names(rule, status)
}

function names(rule: RetryRule | undefined, status: number): boolean {
  return rule?.codes.includes(status) ?? false
}

/** RFC 9110, 10.2.3, the form in seconds; dates are left to the caller. */
export function retryAfterMs(headers: Headers): number | undefined {
  const text = headers.get('retry-after')
  return text !== undefined && /^[0-9]{1,5}$/.test(text) ? Number(text) * 1000 : undefined
}
