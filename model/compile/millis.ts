import { assert, parseDurationMs } from '../../common/mod.ts'

/** Milliseconds of a duration that its schema has checked. */
export function millis(duration: string): number {
  const parsed = parseDurationMs(duration)
  assert(parsed.ok, `a resource holds the duration "${duration}"`)
  return parsed.value
}
