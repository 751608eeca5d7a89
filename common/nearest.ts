/** A name further away than this is not what was meant. */
const DISTANCE_MAX = 3

/** Comparing costs time in proportion to the length; no name of ours is longer. */
const WORD_CHARACTERS_MAX = 100
/** A word as long as this that is part of a known name was meant to be that name: `Prefix`, `PathPrefix`. */
const PART_CHARACTERS_MIN = 4

/**
 * The known name that `word` was probably meant to be, without case: fewest edits (letters changed, added, removed or swapped),
 * else the first that contains it.
 */
export function nearestName(word: string, known: readonly string[]): string | undefined {
  let nearest: string | undefined
  // A short word must be closer: three edits turn any three letters into any other.
  let least = Math.min(DISTANCE_MAX, Math.floor(word.length / 2)) + 1
  if (word.length > WORD_CHARACTERS_MAX) return undefined
  for (const name of known) {
    if (Math.abs(name.length - word.length) >= least) continue
    const distance = editDistance(word.toLowerCase(), name.toLowerCase())
    if (distance < least) {
      least = distance
      nearest = name
    }
  }
  if (nearest !== undefined || word.length < PART_CHARACTERS_MIN) return nearest
  for (const name of known) {
    if (name.toLowerCase().includes(word.toLowerCase())) return name
  }
  return undefined
}

/** `: did you mean x?`, or nothing where no known name is near. */
export function didYouMean(word: string, known: readonly string[]): string {
  const name = nearestName(word, known)
  return name === undefined ? '' : `: did you mean ${name}?`
}

/** Optimal string alignment distance (Damerau-Levenshtein without overlapping swaps), row by row. */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1
      let best = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + same)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        best = Math.min(best, beforeLast[j - 2]! + 1)
      row.push(best)
    }
    beforeLast = last
    last = row
  }
  return last[b.length]!
}
