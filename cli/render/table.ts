/** One column: its heading, and whether its cells are numbers, which stand to the right. */
export interface Column {
  readonly heading: string
  readonly align?: 'left' | 'right'
}

const GAP = '  '

/** Lines of a table with a heading, columns as wide as their widest cell, and no trailing blanks. */
export function tableLines(columns: readonly Column[], rows: readonly (readonly string[])[]): string[] {
  const widths = columns.map((column, i) =>
    rows.reduce((width, row) => Math.max(width, (row[i] ?? '').length), column.heading.length),
  )
  const line = (cells: readonly string[]): string =>
    columns
      .map((column, i) => {
        const width = widths[i] ?? 0
        const cell = cells[i] ?? ''
        return column.align === 'right' ? cell.padStart(width) : cell.padEnd(width)
      })
      .join(GAP)
      .trimEnd()
  return [line(columns.map(column => column.heading)), ...rows.map(line)]
}

/** Cuts lines to a terminal's width, so that one line stays one line when the table is redrawn in place. */
export function fitLines(lines: readonly string[], columns: number): string[] {
  return lines.map(line => (line.length > columns ? `${line.slice(0, Math.max(0, columns - 1))}…` : line))
}

/** C0 and C1 controls, which a terminal acts upon. Names, methods and paths come from the mesh's programs, and none of them is to be believed. */
const CONTROLS = /\p{Cc}/gu

/** A line that says what it shows, and moves nobody's cursor. */
export function plainLine(line: string): string {
  return line.replace(CONTROLS, '?')
}
