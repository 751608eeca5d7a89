import { RE2JS } from 're2js'
import { z } from 'zod'
import { object } from './object.ts'

/** Gateway API. */
const PATH_CHARACTERS_MAX = 1024
const VALUE_CHARACTERS_MAX = 4096
const NAMED_MATCHES_MAX = 16
/** A regular expression costs memory and time in proportion to its length, in every sidecar that holds it. */
const REGEX_BYTES_MAX = 1024
/** Nested repetitions make a short expression a large program; sidecars refuse larger ones than this (decide/route). */
const REGEX_INSTRUCTIONS_MAX = 5_000
const REPEATS_TOO_MUCH = 'repeats too much to be matched fast: repeat less, or use * and +'
/** `{3}`, `{3,}`, `{3,9}`: the least number that it stands for. */
const COUNTED_REPETITION = /\{(\d{1,4})(?:,\d*)?\}/g
/** RFC 9110, 5.6.2: a token. */
const TOKEN = /^[A-Za-z0-9!#$%&'*+\-.^_`|~]+$/
/** RFC 3986, 3.3: what a path is made of. */
const PATH_CHARACTERS = /^(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|%[0-9a-fA-F]{2})+$/

export const headerName = z.string().max(256).regex(TOKEN, 'is not the name of a header (RFC 9110, 5.1)')

const matchType = z
  .enum(['Exact', 'RegularExpression'])
  .default('Exact')
  .describe('A regular expression must match the whole value (RE2 syntax).')
const matchValue = z.string().min(1).max(VALUE_CHARACTERS_MAX).describe('What the value is held against.')

const pathMatch = object({
  type: z
    .enum(['Exact', 'PathPrefix', 'RegularExpression'])
    .default('PathPrefix')
    .describe('`PathPrefix` matches whole elements: `/abc` matches `/abc` and `/abc/d`, not `/abcd`.'),
  value: z.string().max(PATH_CHARACTERS_MAX).default('/').describe('What the path is held against.'),
}).superRefine(({ type, value }, context) => {
  // The schema says so already.
  if (value.length > PATH_CHARACTERS_MAX) return
  const problem = type === 'RegularExpression' ? regexProblem(value) : pathProblem(value)
  if (problem !== undefined) context.addIssue({ code: 'custom', path: ['value'], message: problem })
})

const headerMatch = object({
  type: matchType,
  name: headerName.describe('Without case. Of two entries with one name only the first counts.'),
  value: matchValue,
}).superRefine(checkRegexValue)

const queryParamMatch = object({
  type: matchType,
  name: headerName.describe('With case. Of two entries with one name only the first counts.'),
  value: matchValue,
}).superRefine(checkRegexValue)

export const httpRouteMatch = object({
  path: pathMatch.default({ type: 'PathPrefix', value: '/' }).describe('Default: every path.'),
  headers: z.array(headerMatch).max(NAMED_MATCHES_MAX).optional().describe('All of them must match.'),
  queryParams: z.array(queryParamMatch).max(NAMED_MATCHES_MAX).optional().describe('All of them must match.'),
  method: z
    .enum(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH'])
    .optional()
    .describe('Default: every method.'),
}).describe('All parts of a match must hold.')

function checkRegexValue(
  match: { readonly type: string; readonly value: string },
  context: z.core.$RefinementCtx<unknown>,
): void {
  const problem = match.type === 'RegularExpression' ? regexProblem(match.value) : undefined
  if (problem !== undefined) context.addIssue({ code: 'custom', path: ['value'], message: problem })
}

/** Why `text` is not a regular expression that a sidecar takes; the engine is the one that sidecars use, linear in time. */
function regexProblem(text: string): string | undefined {
  if (text === '') return 'is empty: write a regular expression'
  if (text.length > REGEX_BYTES_MAX)
    return `is too long: a regular expression has at most ${REGEX_BYTES_MAX} characters`
  // A bound from below for the program's size that costs nothing: the worst need not be compiled to be refused.
  let repetitions = 0
  for (const [, least] of text.matchAll(COUNTED_REPETITION)) repetitions += Number(least)
  if (repetitions > REGEX_INSTRUCTIONS_MAX) return REPEATS_TOO_MUCH
  try {
    if (RE2JS.compile(text).programSize() <= REGEX_INSTRUCTIONS_MAX) return undefined
    return REPEATS_TOO_MUCH
  } catch (error) {
    const words = error instanceof Error ? error.message.replace(/^error parsing regexp: /, '') : String(error)
    return `is not a regular expression in RE2 syntax (no look-around, no back-references): ${words}`
  }
}

/** Gateway API's rules for `Exact` and `PathPrefix`: nothing that a normaliser would read differently. */
function pathProblem(text: string): string | undefined {
  if (!text.startsWith('/')) return 'must begin with "/"'
  for (const part of ['//', '/./', '/../', '%2f', '%2F', '#']) {
    if (text.includes(part)) return `must not hold "${part}"`
  }
  if (text.endsWith('/..') || text.endsWith('/.')) return 'must not end with "/." or "/.."'
  if (!PATH_CHARACTERS.test(text)) return 'holds a character that no path has: percent-encode it'
  return undefined
}
