import { type Document, isScalar, type ParsedNode, visit } from 'yaml'

/** A key that its map holds twice: what it stands for would depend on who reads it. */
export interface RepeatedKey {
  readonly key: string
  /** Where its second use begins, in characters from the start of the text. */
  readonly offset: number
}

/**
 * The keys that stand twice in one map of a document. In time that grows with the text: the parser's own check compares every key with
 * every other, and is busy for minutes with a map of 200,000.
 */
export function repeatedKeys(document: Document.Parsed<ParsedNode>): readonly RepeatedKey[] {
  const repeated: RepeatedKey[] = []
  visit(document, {
    Map(_, map) {
      const seen = new Set<string>()
      for (const { key } of map.items) {
        if (!isScalar(key)) continue
        const text = String(key.value)
        if (seen.has(text)) repeated.push({ key: text, offset: key.range?.[0] ?? 0 })
        seen.add(text)
      }
    },
  })
  return repeated
}

/** Whether a text of JSON gives an object one key twice, of which `JSON.parse`, that made `value` of it, has kept the last. */
export function hasRepeatedKey(json: string, value: unknown): boolean {
  return colonsOf(json) > keysOf(value)
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COLON = 0x3a

/** Colons outside of strings: one for each key that was written. */
function colonsOf(json: string): number {
  let colons = 0
  let quoted = false
  for (let at = 0; at < json.length; at++) {
    const character = json.charCodeAt(at)
    if (character === QUOTE) quoted = !quoted
    else if (quoted && character === BACKSLASH) at++
    else if (!quoted && character === COLON) colons++
  }
  return colons
}

/** Without recursion: what JSON nests, the stack need not hold. */
function keysOf(value: unknown): number {
  let keys = 0
  const open = [value]
  while (open.length > 0) {
    const next = open.pop()
    if (typeof next !== 'object' || next === null) continue
    const inner = Object.values(next)
    if (!Array.isArray(next)) keys += inner.length
    // Not spread: an array of a million would be a million arguments.
    for (const one of inner) open.push(one)
  }
  return keys
}
