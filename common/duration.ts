import { err, ok, type Result } from './result.ts'

const GATEWAY_DURATION = /^([0-9]{1,5}(h|m|s|ms)){1,4}$/
const PART = /([0-9]{1,5})(h|ms|m|s)/g
const UNIT_MS = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1 } as const

/**
 * Parses a Gateway API duration (GEP-2257): one to four numbers of one to five digits, each with its unit, as in `1h30m` or `250ms`.
 * Returns milliseconds.
 */
export function parseDurationMs(text: string): Result<number, string> {
  if (!GATEWAY_DURATION.test(text)) {
    return err(`"${text}" is not a duration: write numbers with units h, m, s or ms, as in 250ms, 10s or 1h30m`)
  }
  let totalMs = 0
  for (const [, digits, unit] of text.matchAll(PART)) totalMs += Number(digits) * UNIT_MS[unit as keyof typeof UNIT_MS]
  return ok(totalMs)
}

/** Writes milliseconds (a whole number, at least 0) as a Gateway API duration. */
export function formatDurationMs(totalMs: number): string {
  let rest = Math.round(totalMs)
  let text = ''
  for (const [unit, ms] of Object.entries(UNIT_MS)) {
    const count = Math.floor(rest / ms)
    if (count > 0) text += `${count}${unit}`
    rest -= count * ms
  }
  return text === '' ? '0s' : text
}
