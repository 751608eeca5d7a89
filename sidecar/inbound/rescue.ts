import type { Cause } from '../../common/mod.ts'
import { answerCause, type Filter } from '../http/mod.ts'

/** The one table from causes to answers, for callers that are other sidecars. What isn't named can't happen here, and is unavailability. */
const ANSWERS: Readonly<Partial<Record<Cause, readonly [status: number, reason: string]>>> = {
  'bad-request': [400, 'Bad Request'],
  unauthenticated: [401, 'Unauthorized'],
  denied: [403, 'Forbidden'],
  'unknown-destination': [404, 'Not Found'],
  'rate-limited': [429, 'Too Many Requests'],
  'unsupported-protocol': [502, 'Bad Gateway'],
  'upstream-reset': [502, 'Bad Gateway'],
  'upstream-protocol-error': [502, 'Bad Gateway'],
  'request-timeout': [504, 'Gateway Timeout'],
}
const UNAVAILABLE = [503, 'Service Unavailable'] as const

/** Turns causes into answers that name them; the far sidecar believes them, as our application can't speak in our name. */
export function rescue(): Filter {
  return {
    name: 'rescue',
    rescue: (x, cause, detail) => {
      const [status, reason] = ANSWERS[cause] ?? UNAVAILABLE
      answerCause(x, status, reason, cause, detail)
    },
  }
}
