import { Lexer } from 'yaml'

/** How much one text may cost, before it is parsed. JSON has bounds of its own: it is cheap to read. */
export interface YamlBudget {
  readonly charactersMax: number
  readonly tokensMax: number
}

/** For a program of its own, which nobody waits for: some 15,000 ordinary resources. Reading them takes seconds. */
export const FILE_BUDGET: YamlBudget = { charactersMax: 4 * 1024 * 1024, tokensMax: 1_500_000 }
/** For a program that serves others meanwhile: some thousand ordinary resources, read in less than half a second. */
export const SERVER_BUDGET: YamlBudget = { charactersMax: 1024 * 1024, tokensMax: 100_000 }

/** Brackets within brackets; no kind nests deeper than a dozen levels. */
const DEPTH_MAX = 64
/** Commas, colons and opening brackets of JSON: 10,000 resources have half as many. */
const JSON_MARKS_MAX = 500_000
/** Fields of one object, or items of one list: as many as one text may hold resources. Objects of more fields are slow to read. */
const JSON_ENTRIES_MAX = 10_000

/**
 * Why a text of YAML is not worth parsing: what a hostile text costs shows in its tokens, long before the parser has built a tree of
 * them (4 MiB of brackets keep it busy for a quarter of a minute). `undefined`: parse it.
 */
export function yamlBudgetFault(text: string, documentsMax: number, budget: YamlBudget): string | undefined {
  const { charactersMax, tokensMax } = budget
  if (text.length > charactersMax) return `has more than ${charactersMax} characters of YAML: split it, or send JSON`
  let tokens = 0
  let documents = 0
  let depth = 0
  for (const token of new Lexer().lex(text)) {
    if (++tokens > tokensMax) return `has more than ${tokensMax} tokens: split it`
    if (token === '---' && ++documents > documentsMax) return `holds more than ${documentsMax} documents: split it`
    if (token === '[' || token === '{') {
      if (++depth > DEPTH_MAX) return tooDeep
    } else if (token === ']' || token === '}') {
      depth--
    }
  }
  return undefined
}

const tooDeep = `is nested deeper than ${DEPTH_MAX} levels`
const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const COLON = 0x3a
const OPEN_LIST = 0x5b
const CLOSE_LIST = 0x5d
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d

/** Why a text of JSON is not worth parsing; `undefined`: parse it. One pass over its characters, in constant memory. */
export function jsonBudgetFault(text: string): string | undefined {
  const entries = new Uint32Array(DEPTH_MAX + 1)
  let depth = 0
  let marks = 0
  let quoted = false
  for (let at = 0; at < text.length; at++) {
    const character = text.charCodeAt(at)
    if (character === QUOTE) quoted = !quoted
    else if (quoted) {
      if (character === BACKSLASH) at++
    } else if (character === COMMA) {
      marks++
      entries[depth] = (entries[depth] ?? 0) + 1
      // The last one stands behind the last comma.
      if ((entries[depth] ?? 0) > JSON_ENTRIES_MAX)
        return `has an object or a list of more than ${JSON_ENTRIES_MAX} entries`
    } else if (character === COLON) marks++
    else if (character === OPEN_LIST || character === OPEN_OBJECT) {
      marks++
      if (++depth > DEPTH_MAX) return tooDeep
      entries[depth] = 0
    } else if ((character === CLOSE_LIST || character === CLOSE_OBJECT) && depth > 0) depth--
    if (marks > JSON_MARKS_MAX) return `has more than ${JSON_MARKS_MAX} fields, items and brackets: split it`
  }
  return undefined
}
