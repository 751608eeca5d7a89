import type { Exchange } from './exchange.ts'
import type { Filter } from './filter.ts'
import type { Headers } from './headers.ts'

/** 24 days, the longest that timers of most platforms take. Longer deadlines are this one. */
const TIMEOUT_MS_MAX = 2_073_600_000

const MS_OF_UNIT: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 1e-3, n: 1e-6 }

/** gRPC over HTTP/2, "Timeout": eight digits at most. */
const DIGITS_MAX = 8

/** The value of `grpc-timeout` in milliseconds, at most TIMEOUT_MS_MAX. `undefined`: it is malformed. */
export function grpcTimeoutMs(text: string): number | undefined {
  const digits = text.length - 1
  if (digits < 1 || digits > DIGITS_MAX) return undefined
  for (let i = 0; i < digits; i++) if (text.charCodeAt(i) < 48 || text.charCodeAt(i) > 57) return undefined
  const unit = text.charAt(digits)
  if (!Object.hasOwn(MS_OF_UNIT, unit)) return undefined
  return Math.min(Number(text.slice(0, digits)) * MS_OF_UNIT[unit]!, TIMEOUT_MS_MAX)
}

/** A `grpc-timeout` for what remains, rounded to what its digits can say; at least the least that there is, as 0 would mean that there is no time at all. */
export function grpcTimeoutText(ms: number): string {
  if (ms < 1_000) return `${Math.max(1, Math.floor(ms * 1_000))}u`
  return ms < 10 ** DIGITS_MAX ? `${Math.floor(ms)}m` : `${Math.floor(ms / 1_000)}S`
}

/** How long to wait before another attempt, as the answer has it in `grpc-retry-pushback-ms` (gRFC A6): below 0, or malformed, there shall be none. */
export function grpcPushbackMs(fields: Headers): number | undefined {
  const text = fields.get('grpc-retry-pushback-ms')
  if (text === undefined) return undefined
  return /^[0-9]{1,9}$/.test(text) ? Number(text) : -1
}

/** The caller's deadline is the exchange's, whatever a route says. What costs others nothing: they are asked one question. */
export function grpcDeadline(): Filter {
  return { name: 'grpc-deadline', request: x => (x.request.grpc && !takeDeadline(x) ? 'done' : 'next') }
}

function takeDeadline(x: Exchange): boolean {
  const text = x.request.headers.get('grpc-timeout')
  if (text === undefined) return true
  const ms = grpcTimeoutMs(text)
  if (ms === undefined) x.fail('bad-request', 'a malformed grpc-timeout')
  else x.deadlineMs = x.startMs + ms
  return ms !== undefined
}
