import type { Terminal } from './terminal.ts'

export type Format = 'table' | 'json' | 'yaml'

/** Prints a value in the format that was asked for; `lines` makes the table. */
export async function print(
  terminal: Terminal,
  format: Format,
  value: unknown,
  lines: () => readonly string[],
): Promise<void> {
  if (format === 'json') terminal.out(`${JSON.stringify(value, undefined, 2)}\n`)
  else if (format === 'yaml') terminal.out((await import('yaml')).stringify(value))
  else
    terminal.out(
      lines()
        .map(line => `${line}\n`)
        .join(''),
    )
}
