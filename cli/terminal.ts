import { codeOf, EXIT, messageOf } from './failure.ts'

/** Where a command writes, and what it may assume of the reader. A test hands in one that remembers. */
export interface Terminal {
  /** Writes to stdout; the text brings its own line ends. */
  out(text: string): void
  /** Writes to stderr. */
  err(text: string): void
  /** Whether stdout is a person's terminal, so that a table may be redrawn in place. */
  readonly interactive: boolean
  readonly colour: boolean
  /** Columns of the terminal; 80 where there is none. */
  columns(): number
}

const COLUMNS_DEFAULT = 80

export function processTerminal(noColor: boolean): Terminal {
  const interactive = process.stdout.isTTY === true
  // Whoever read us (`selvedge get services | head`) has seen enough.
  process.stdout.on('error', error => {
    if (codeOf(error) === 'EPIPE') process.exit(EXIT.done)
    process.stderr.write(`Cannot write the answer: ${messageOf(error)}; see where stdout leads\n`)
    process.exit(EXIT.failed)
  })
  // Nobody is left to be told why.
  process.stderr.on('error', () => process.exit(EXIT.failed))
  return {
    out: text => void process.stdout.write(text),
    err: text => void process.stderr.write(text),
    interactive,
    colour: interactive && !noColor,
    // A terminal that does not know its own width (in `script`, in some containers) says 0.
    columns: () => process.stdout.columns || COLUMNS_DEFAULT,
  }
}

/** The same reader, with everything on stderr: stdout is left to one machine-readable line. */
export function onStderr(terminal: Terminal): Terminal {
  return { ...terminal, out: text => terminal.err(text), interactive: false, colour: false }
}
