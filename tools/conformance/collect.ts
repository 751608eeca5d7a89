import type { Section } from './lines.ts'

/** One test of a run. */
export interface Tried {
  /** From the project's root. */
  readonly file: string
  /** Of the test and of each `describe` around it, from the outside in. */
  readonly titles: readonly string[]
  readonly passed: boolean
}

/**
 * - `partial`: its tests passed, and part of what it speaks of is not built yet
 * - `open`: no test yet
 * - `later`: no test, because what it speaks of is not built yet
 */
export type LineResult = 'passed' | 'failed' | 'partial' | 'open' | 'later'

export interface ProvenLine {
  /** Such as `H1-4`. */
  readonly id: string
  readonly text: string
  readonly claimed: boolean
  readonly result: LineResult
  /** In the order of their files and titles; no two alike. */
  readonly proofs: readonly Proof[]
}

export interface Proof {
  readonly file: string
  readonly title: string
  readonly passed: boolean
}

export interface ProvenSection {
  readonly id: string
  readonly title: string
  readonly lines: readonly ProvenLine[]
}

export interface Collected {
  readonly sections: readonly ProvenSection[]
  /** Numbers in titles that no line has. */
  readonly unknown: readonly Proof[]
}

const NUMBER = /\[([A-Z][A-Z0-9]*-[0-9]+)\]/g

/** Puts each test of a run to the lines whose numbers its titles carry. */
export function collect(sections: readonly Section[], tests: readonly Tried[]): Collected {
  const proofs = new Map<string, Proof[]>()
  for (const { file, titles, passed } of tests) {
    const title = titles.join(' > ')
    for (const id of new Set([...title.matchAll(NUMBER)].map(match => match[1]!))) {
      const all = proofs.get(id) ?? []
      all.push({ file, title, passed })
      proofs.set(id, all)
    }
  }
  const proven = sections.map(({ id: section, title, lines, claimed, later }) => ({
    id: section,
    title,
    lines: lines.map((text, index): ProvenLine => {
      const id = `${section}-${index + 1}`
      const own = inOrder(proofs.get(id) ?? [])
      proofs.delete(id)
      const result = resultOf(own, later.includes(index + 1))
      return { id, text, claimed: claimed.includes(index + 1), result, proofs: own }
    }),
  }))
  return { sections: proven, unknown: inOrder([...proofs.values()].flat()) }
}

/**
 * Why a run can't stand: claimed lines without a passing test, failed ones, and numbers that no line has. In words, one
 * for each.
 */
export function problemsOf({ sections, unknown }: Collected): string[] {
  const lines = sections.flatMap(section => section.lines)
  return [
    ...lines
      .filter(({ claimed, result }) => claimed && result !== 'passed' && result !== 'failed')
      .map(({ id }) => `${id} is claimed and has no test: write [${id}] into the title of the test that proves it`),
    ...lines.filter(({ result }) => result === 'failed').map(({ id }) => `${id} has a test that failed`),
    ...unknown.map(({ file, title }) => `${file} names a line that there isn't: ${title}`),
  ]
}

function resultOf(proofs: readonly Proof[], later: boolean): LineResult {
  if (proofs.length === 0) return later ? 'later' : 'open'
  if (proofs.some(({ passed }) => !passed)) return 'failed'
  return later ? 'partial' : 'passed'
}

/** Tests that have one title (the rows of a table) become one proof, which failed if any of them has. */
function inOrder(proofs: readonly Proof[]): Proof[] {
  const byTitle = new Map<string, Proof>()
  for (const proof of proofs) {
    const key = JSON.stringify([proof.file, proof.title])
    const same = byTitle.get(key)
    byTitle.set(key, same === undefined ? proof : { ...proof, passed: proof.passed && same.passed })
  }
  return [...byTitle.values()].sort((a, b) => compare(a.file, b.file) || compare(a.title, b.title))
}

/** By code units, so that the order is the same in every locale. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
