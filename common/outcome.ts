/** Why the mesh itself made an answer: the value of `x-selvedge-cause`, of the metric label `cause`, and of log lines. */
export const CAUSES = [
  'bad-request',
  'route-not-found',
  'unknown-destination',
  'no-healthy-endpoint',
  'connect-failed',
  'upstream-reset',
  'upstream-protocol-error',
  'request-timeout',
  'attempt-timeout',
  'circuit-open',
  'retry-budget-exhausted',
  'rate-limited',
  'denied',
  'unauthenticated',
  'fault-injected',
  'overload',
  'draining',
  'no-policy',
  'unsupported-protocol',
] as const

export type Cause = (typeof CAUSES)[number]

const KNOWN: ReadonlySet<string> = new Set(CAUSES)

export function isCause(text: string): text is Cause {
  return KNOWN.has(text)
}

/**
 * How an attempt ended, classified once; retry, breaker and outlier ejection see this and nothing else.
 *
 * - `success`: an answer below 500
 * - `server-error`: an answer of 500 or above that is not a gateway error
 * - `gateway-error`: 502, 503 or 504 from the endpoint
 * - `connect-failed`: no byte of the request can have been acted on (refused, unreachable, wrong identity, or a far sidecar's `connect-failed`)
 * - `reset`: the connection ended after the request may have been acted on
 * - `protocol-error`: the endpoint's answer was malformed
 * - `timeout`: the attempt's own time ran out
 * - `cancelled`: the caller went away; says nothing about the endpoint
 */
export type AttemptClass =
  | 'success'
  | 'server-error'
  | 'gateway-error'
  | 'connect-failed'
  | 'reset'
  | 'protocol-error'
  | 'timeout'
  | 'cancelled'

export function classifyStatus(status: number): AttemptClass {
  if (status < 500) return 'success'
  return status === 502 || status === 503 || status === 504 ? 'gateway-error' : 'server-error'
}
