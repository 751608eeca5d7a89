/** One loop that has ended. */
export interface Row {
  /** From the project's root. */
  readonly file: string
  /** Of the test and of each `describe` around it. */
  readonly title: string
  /** `undefined`: it passed. */
  readonly failure: string | undefined
  readonly tookMs: number
  readonly figures: Readonly<Record<string, number | string>>
  /** Such as `2026-11-20`. */
  readonly date: string
  readonly machine: string
}

const HEAD = `# Soak

The long loops, at their full length, as they last ran: \`npm run soak\` writes a row as each loop ends, and leaves the others as they are.
The same code runs for a few seconds within \`npm test\`.

| loop | result | took | figures | date | machine |
| --- | --- | ---: | --- | --- | --- |`
/** What a row shows of an error: its first line, and no more of that. */
const FAILURE_CHARACTERS_MAX = 200

/** The page with `row` in the place of the one that told of the same loop before; rows stand in the order of their loops. */
export function withRow(page: string | undefined, row: Row): string {
  const rows = rowsOf(page)
  rows.set(loopCell(row.file, row.title), rowText(row))
  return pageOf(rows)
}

/** The page without rows of loops that `keep` refuses. */
export function withoutRows(page: string | undefined, keep: (loop: string) => boolean): string {
  return pageOf(new Map([...rowsOf(page)].filter(([loop]) => keep(loop))))
}

/** What a row begins with; no two loops have the same. */
export function loopCell(file: string, title: string): string {
  return `\`${file}\` ${cell(title)}`
}

/** The file of the loop that such a cell names. */
export function fileOfLoop(loop: string): string {
  return loop.slice(1, loop.indexOf('`', 1))
}

function pageOf(rows: ReadonlyMap<string, string>): string {
  const inOrder = [...rows.keys()].sort().map(loop => rows.get(loop)!)
  return `${[HEAD, ...inOrder].join('\n')}\n`
}

/** The rows of a page by their first cells. */
function rowsOf(page = ''): Map<string, string> {
  const rows = new Map<string, string>()
  for (const line of page.split('\n')) {
    const loop = /^\| (`.*?) (?<!\\)\| /.exec(line)?.[1]
    if (loop !== undefined) rows.set(loop, line)
  }
  return rows
}

function rowText(row: Row): string {
  const result = row.failure === undefined ? 'passed' : `FAILED: ${row.failure.slice(0, FAILURE_CHARACTERS_MAX)}`
  const figures = Object.entries(row.figures).map(([name, value]) => `${name} ${shown(value)}`)
  const cells = [cell(result), took(row.tookMs), cell(figures.join('; ')), row.date, cell(row.machine)]
  return `| ${[loopCell(row.file, row.title), ...cells].join(' | ')} |`
}

/** What a table of Markdown takes in one cell. */
function cell(text: string): string {
  return text
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/[\\|<]/g, '\\$&')
    .trim()
}

function shown(value: number | string): string {
  return typeof value === 'number' ? value.toLocaleString('en-US', { maximumFractionDigits: 3 }) : value
}

function took(ms: number): string {
  const seconds = ms / 1_000
  if (seconds < 120) return `${seconds.toFixed(1)} s`
  return seconds < 7_200 ? `${(seconds / 60).toFixed(1)} min` : `${(seconds / 3_600).toFixed(1)} h`
}
