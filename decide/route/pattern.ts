import { RE2JS, RE2JSException } from 're2js'
import { err, ok, type Result } from '../../common/mod.ts'

/** Gateway API allows 1024 characters for a path and 4096 for a header's value. */
const PATTERN_CHARACTERS_MAX = 4096
/**
 * RE2 matches in time (length x program). Nested repetitions can blow up a short pattern; no honest one comes near to
 * this.
 */
const PATTERN_INSTRUCTIONS_MAX = 5_000

/** A regular expression of RE2's syntax, compiled: linear time whatever the input, no backtracking (API-6). */
export type Pattern = RE2JS

/** Refuses what RE2 does not know (back references, look-around) and what is too large; says why in words. */
export function compilePattern(text: string): Result<Pattern, string> {
  if (text.length > PATTERN_CHARACTERS_MAX) {
    return err(`Cannot use the regex: it has ${text.length} characters, at most ${PATTERN_CHARACTERS_MAX} are allowed`)
  }
  let pattern: Pattern
  try {
    pattern = RE2JS.compile(text)
  } catch (error) {
    if (!(error instanceof RE2JSException)) throw error
    return err(`Cannot use the regex "${text}": ${error.message}. Write it in RE2's syntax`)
  }
  if (pattern.programSize() > PATTERN_INSTRUCTIONS_MAX) {
    return err(`Cannot use the regex "${text}": its repetitions make it too large. Repeat less, or use * and +`)
  }
  return ok(pattern)
}

/**
 * Whether the whole text matches. A text with a character above 0x7F never does (AUTHZ-7): what it means depends on who
 * decodes it.
 */
export function matchesWhole(pattern: Pattern, text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return false
  return pattern.testExact(text)
}
