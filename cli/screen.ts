import { fitLines, plainLine } from './render/mod.ts'
import type { Terminal } from './terminal.ts'

/**
 * Lines that scroll, and below them a table that is redrawn in place. Where nobody watches, both are plain lines.
 * Output comes in through `line` and `table` alone: anything else would tear the table.
 */
export class Screen {
  readonly #terminal: Terminal
  #drawn: readonly string[] = []
  #drawnRows = 0

  constructor(terminal: Terminal) {
    this.#terminal = terminal
  }

  line(text: string): void {
    if (!this.#terminal.interactive) {
      this.#terminal.out(`${text}\n`)
      return
    }
    const table = this.#drawn
    this.#terminal.out(`${this.#erase()}${text}\n`)
    if (table.length > 0) this.table(table)
  }

  /** Replaces the table (in a terminal), or prints it once more. */
  table(untrusted: readonly string[]): void {
    const lines = untrusted.map(plainLine)
    if (!this.#terminal.interactive) {
      this.#terminal.out(lines.map(line => `${line}\n`).join(''))
      return
    }
    const fitted = fitLines(lines, this.#terminal.columns())
    this.#terminal.out(this.#erase() + fitted.map(line => `${line}\n`).join(''))
    this.#drawn = lines
    this.#drawnRows = fitted.length
  }

  /** Leaves the last table where it is; what comes next scrolls below it. */
  release(): void {
    this.#drawn = []
    this.#drawnRows = 0
  }

  #erase(): string {
    const rows = this.#drawnRows
    this.#drawnRows = 0
    // Up by as many lines as the table had, and clear to the end of the screen (ECMA-48: CPL and ED).
    return rows === 0 ? '' : `\x1b[${rows}F\x1b[J`
  }
}
