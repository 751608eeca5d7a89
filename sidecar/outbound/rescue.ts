import type { Cause } from '../../common/mod.ts'
import { answerCause, type Filter } from '../http/mod.ts'

/** The one table from causes to answers, for callers that are our own application. */
const ANSWERS: Readonly<Record<Cause, readonly [status: number, reason: string]>> = {
  'bad-request': [400, 'Bad Request'],
  unauthenticated: [401, 'Unauthorized'],
  denied: [403, 'Forbidden'],
  'route-not-found': [404, 'Not Found'],
  'rate-limited': [429, 'Too Many Requests'],
  'upstream-reset': [502, 'Bad Gateway'],
  'upstream-protocol-error': [502, 'Bad Gateway'],
  'unknown-destination': [502, 'Bad Gateway'],
  'unsupported-protocol': [502, 'Bad Gateway'],
  'no-healthy-endpoint': [503, 'Service Unavailable'],
  'connect-failed': [503, 'Service Unavailable'],
  'circuit-open': [503, 'Service Unavailable'],
  'retry-budget-exhausted': [503, 'Service Unavailable'],
  'fault-injected': [503, 'Service Unavailable'],
  overload: [503, 'Service Unavailable'],
  draining: [503, 'Service Unavailable'],
  'no-policy': [503, 'Service Unavailable'],
  'request-timeout': [504, 'Gateway Timeout'],
  'attempt-timeout': [504, 'Gateway Timeout'],
}

/** Turns causes into answers that name them. */
export function rescue(): Filter {
  return {
    name: 'rescue',
    rescue: (x, cause, detail) => {
      const [status, reason] = ANSWERS[cause]
      answerCause(x, status, reason, cause, detail)
    },
  }
}
