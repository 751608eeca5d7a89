import { Lexer } from 'yaml'

/** Tokens that one text may have: some 15,000 ordinary resources. Reading them takes a few seconds at the very most. */
const TOKENS_MAX = 1_500_000
/** Brackets within brackets; no kind nests deeper than a dozen levels. */
const FLOW_DEPTH_MAX = 64

/**
 * Why a text of YAML is not worth parsing: what a hostile text costs shows in its tokens, long before the parser has built a tree of
 * them (4 MiB of brackets keep it busy for a quarter of a minute). `undefined`: parse it.
 */
export function yamlBudgetFault(text: string, documentsMax: number): string | undefined {
  let tokens = 0
  let documents = 0
  let depth = 0
  for (const token of new Lexer().lex(text)) {
    if (++tokens > TOKENS_MAX) return `has more than ${TOKENS_MAX} tokens: split it`
    if (token === '---' && ++documents > documentsMax) return `holds more than ${documentsMax} documents: split it`
    if (token === '[' || token === '{') {
      if (++depth > FLOW_DEPTH_MAX) return `is nested deeper than ${FLOW_DEPTH_MAX} levels`
    } else if (token === ']' || token === '}') {
      depth--
    }
  }
  return undefined
}
