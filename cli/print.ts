import { plainLine } from './render/mod.ts'
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
  else if (format === 'yaml') terminal.out((await yamlWriter())(value))
  else
    terminal.out(
      lines()
        .map(line => `${plainLine(line)}\n`)
        .join(''),
    )
}

/** `on` and `yes` are booleans to readers of YAML 1.1, kubectl among them: quoted, they are text to all. Loaded when it is needed. */
export async function yamlWriter(): Promise<(value: unknown) => string> {
  const { stringify } = await import('yaml')
  return value => stringify(value, { compat: 'yaml-1.1' })
}
