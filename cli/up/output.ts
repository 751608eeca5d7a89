import type { Screen, Terminal } from '../mod.ts'
import { readableLog } from './log-line.ts'
import { prefixer } from './prefix.ts'

/** Everything that `up` shows, line by line. */
export interface Output {
  /** What `up` itself has to say. */
  tell(line: string): void
  /** A line of a user's program. */
  program(name: string, line: string, stream: 'stdout' | 'stderr'): void
  /** A line of a sidecar's or the control plane's log. */
  log(name: string, line: string): void
}

/** What `up` calls itself beside the names of programs. */
const OWN_NAME = 'selvedge'

export function outputOn(
  screen: Screen,
  options: { readonly names: readonly string[]; readonly colour: boolean; readonly verbose: boolean },
): Output {
  const prefix = prefixer([OWN_NAME, ...options.names], options.colour)
  return {
    tell: line => screen.line(prefix(OWN_NAME, line)),
    program: (name, line) => screen.line(prefix(name, line)),
    log(name, line) {
      const text = readableLog(line, options.verbose)
      if (text !== undefined) screen.line(prefix(name, text))
    },
  }
}

/** For one program that has the terminal to itself: its lines as they are, each on its own stream; ours on stderr. */
export function plainOutput(terminal: Terminal, verbose: boolean): Output {
  const tell = (line: string): void => terminal.err(`${OWN_NAME}: ${line}\n`)
  return {
    tell,
    program: (_name, line, stream) => (stream === 'stdout' ? terminal.out : terminal.err)(`${line}\n`),
    log(name, line) {
      const text = readableLog(line, verbose)
      if (text !== undefined) tell(`${name}: ${text}`)
    },
  }
}
