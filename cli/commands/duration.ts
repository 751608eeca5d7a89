import { parseDurationMs } from '../../common/mod.ts'
import { usageFailure } from '../failure.ts'

/** A duration that a flag gives, in milliseconds. */
export function durationMs(text: string): number {
  const parsed = parseDurationMs(text)
  if (!parsed.ok) throw usageFailure(`Cannot use the duration: ${parsed.error}`)
  return parsed.value
}
