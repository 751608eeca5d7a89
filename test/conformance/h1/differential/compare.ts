import { beginningOf } from './ours.ts'
import type { Understood, Verdict, Wire } from './verdict.ts'

/** The first thing that two servers made differently of the same bytes. */
export interface Difference {
  /** `stricter`: we refused what Node did not. `laxer`: Node refused what we did not. `otherwise`: both went on, to different things. */
  readonly kind: 'stricter' | 'laxer' | 'otherwise'
  /** Why the one that refused did: our own words, or Node's code. */
  readonly why: string
  /** All before the request at which they part, in latin1. */
  readonly before: string
  /** All from its first byte. */
  readonly text: string
  /** Its head alone, with the empty line if there is one. */
  readonly head: string
  readonly ours: Understood | undefined
  readonly theirs: Understood | undefined
}

export function firstDifference({ bytes }: Wire, ours: Verdict, theirs: Verdict): Difference | undefined {
  let index = 0
  while (index < ours.requests.length && same(ours.requests[index], theirs.requests[index])) index++
  const [mine, other] = [ours.requests[index], theirs.requests[index]]
  if (mine === undefined && other === undefined && (ours.refused === undefined) === (theirs.refused === undefined))
    return undefined
  // Who has closed in order reads nothing of what follows, whatever it is.
  if (mine === undefined && other === undefined && ours.closed) return undefined
  const beginning = beginningOf(bytes, index)
  const [before, text] = [bytes.toString('latin1', 0, beginning), bytes.toString('latin1', beginning)]
  const end = text.indexOf('\r\n\r\n', 2)
  const head = end === -1 ? text : text.slice(0, end + 4)
  const parts = { before, text, head, ours: mine, theirs: other }
  if (mine === undefined && ours.refused !== undefined) return { kind: 'stricter', why: ours.refused, ...parts }
  if (other === undefined && theirs.refused !== undefined) return { kind: 'laxer', why: theirs.refused, ...parts }
  return { kind: 'otherwise', why: '', ...parts }
}

function same(a: Understood | undefined, b: Understood | undefined): boolean {
  if (a === undefined || b === undefined) return false
  if (a.method !== b.method || a.target !== b.target || a.body !== b.body || a.fields.length !== b.fields.length)
    return false
  return a.fields.every(([name, value], n) => b.fields[n]?.[0] === name && b.fields[n]?.[1] === value)
}
