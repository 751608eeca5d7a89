/** Lines around a change that are shown with it. */
const CONTEXT = 3
/** Cells of the table in which the longest common part is found: two texts of 2,000 lines. Longer ones are shown whole. */
const CELLS_MAX = 4_000_000

type Step = { readonly kind: ' ' | '-' | '+'; readonly line: string }

/** What turns `before` into `after`, in the unified format of `diff -u`, without its heading. Empty: nothing does. */
export function unifiedDiff(before: readonly string[], after: readonly string[]): string[] {
  const steps = stepsOf(before, after)
  const lines: string[] = []
  let [oldLine, newLine] = [1, 1]
  let at = 0
  while (at < steps.length) {
    const first = steps.findIndex((step, index) => index >= at && step.kind !== ' ')
    if (first === -1) break
    const from = Math.max(at, first - CONTEXT)
    const to = endOfHunk(steps, first)
    oldLine += from - at
    newLine += from - at
    const hunk = steps.slice(from, to)
    const oldLines = hunk.filter(({ kind }) => kind !== '+').length
    const newLines = hunk.filter(({ kind }) => kind !== '-').length
    lines.push(`@@ -${range(oldLine, oldLines)} +${range(newLine, newLines)} @@`)
    for (const { kind, line } of hunk) lines.push(`${kind}${line}`)
    oldLine += oldLines
    newLine += newLines
    at = to
  }
  return lines
}

/** Changes that lie so near that their context touches are shown together. */
function endOfHunk(steps: readonly Step[], first: number): number {
  let last = first
  for (let at = first; at < steps.length && at <= last + 2 * CONTEXT + 1; at++) if (steps[at]?.kind !== ' ') last = at
  return Math.min(last + 1 + CONTEXT, steps.length)
}

/** Of no lines, the range begins before them: as `diff` has it. */
function range(line: number, lines: number): string {
  return `${lines === 0 ? line - 1 : line},${lines}`
}

/** By the longest common subsequence, found from the end. */
function stepsOf(before: readonly string[], after: readonly string[]): Step[] {
  const whole = (kind: '-' | '+', lines: readonly string[]): Step[] => lines.map(line => ({ kind, line }))
  const width = after.length + 1
  if (before.length * width > CELLS_MAX) return [...whole('-', before), ...whole('+', after)]
  const common = new Uint32Array((before.length + 1) * width)
  const cell = (i: number, j: number): number => common[i * width + j] ?? 0
  for (let i = before.length - 1; i >= 0; i--) {
    for (let j = after.length - 1; j >= 0; j--) {
      common[i * width + j] = before[i] === after[j] ? cell(i + 1, j + 1) + 1 : Math.max(cell(i + 1, j), cell(i, j + 1))
    }
  }
  const steps: Step[] = []
  let [i, j] = [0, 0]
  while (i < before.length || j < after.length) {
    const [left, right] = [before[i] ?? '', after[j] ?? '']
    if (i < before.length && j < after.length && left === right) {
      steps.push({ kind: ' ', line: left })
      i++
      j++
    } else if (i < before.length && (j === after.length || cell(i + 1, j) >= cell(i, j + 1))) {
      steps.push({ kind: '-', line: left })
      i++
    } else {
      steps.push({ kind: '+', line: right })
      j++
    }
  }
  return steps
}
