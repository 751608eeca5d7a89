import { parseArgs } from 'node:util'
import { nearestName, type Result } from '../mod.ts'

/** One flag, which is an environment variable too; where both are given, the flag counts. */
export interface Setting {
  /** Without its dashes. */
  readonly name: string
  /** `SELVEDGE_DATA_DIR` for `data-dir`. */
  readonly variable: string
  /** What its value is called in the help; empty for a switch. */
  readonly value: string
  /** Empty: none. */
  readonly fallback: string
  readonly help: string
  /** As a variable, several values are separated by commas. */
  readonly repeatable: boolean
}

export function setting(name: string, value: string, fallback: string, help: string, repeatable = false): Setting {
  return { name, variable: `SELVEDGE_${name.toUpperCase().replaceAll('-', '_')}`, value, fallback, help, repeatable }
}

/** What a program was told, before anything of it is understood. Collects every problem, one sentence each. */
export class GivenSettings {
  readonly problems: string[] = []
  private readonly table: readonly Setting[]
  private readonly env: Readonly<Record<string, string | undefined>>
  private readonly given: ReadonlyMap<string, readonly string[]>

  /** `command` is the command's name, for the message that points to its help. Variables that aren't in the table are others'. */
  constructor(
    command: string,
    table: readonly Setting[],
    args: readonly string[],
    env: Readonly<Record<string, string | undefined>>,
  ) {
    this.table = table
    this.env = env
    this.given = readFlags(command, table, args, this.problems)
  }

  /** All values of a setting; empty when nothing was given and there is no fallback. */
  all(name: string): readonly string[] {
    const known = this.known(name)
    const variable = this.env[known.variable] ?? ''
    const fromVariable = variable === '' ? [] : known.repeatable ? variable.split(',') : [variable]
    return (
      this.given.get(name) ?? (fromVariable.length > 0 ? fromVariable : known.fallback === '' ? [] : [known.fallback])
    )
  }

  /** The last value of a setting, or the empty string. */
  text(name: string): string {
    return this.all(name).at(-1) ?? ''
  }

  /** The last value, understood by `parse`; `undefined` when there is none, or when it is a problem. */
  read<T>(name: string, parse: (text: string) => Result<T, string>): T | undefined {
    const text = this.all(name).at(-1)
    if (text === undefined) return undefined
    const parsed = parse(text)
    if (parsed.ok) return parsed.value
    this.problems.push(`Cannot use ${this.given.has(name) ? `--${name}` : this.known(name).variable}: ${parsed.error}.`)
    return undefined
  }

  private known(name: string): Setting {
    const known = this.table.find(candidate => candidate.name === name)
    if (known === undefined) throw new Error(`Assertion failed: --${name} is in the table`)
    return known
  }
}

/** The lines of a help text that tell all settings, in the order of the table. */
export function settingsHelp(table: readonly Setting[]): readonly string[] {
  const rows = table.map(({ name, value, fallback, help, variable, repeatable }) => ({
    left: `  --${name}${value === '' ? '' : ` ${value}`}`,
    right: `${help}${repeatable ? ' (repeatable)' : ''}${fallback === '' ? '' : ` (default: ${fallback})`} [${variable}]`,
  }))
  const width = Math.max(...rows.map(({ left }) => left.length))
  return [
    'Flags, each of which may be an environment variable instead:',
    ...rows.map(({ left, right }) => `${left.padEnd(width)}  ${right}`),
    `${'  -h, --help'.padEnd(width)}  show this help`,
  ]
}

function readFlags(
  command: string,
  table: readonly Setting[],
  args: readonly string[],
  problems: string[],
): ReadonlyMap<string, readonly string[]> {
  const options = Object.fromEntries(
    table.map(({ name, value }) => [name, { type: value === '' ? 'boolean' : 'string', multiple: true }] as const),
  )
  const given = new Map<string, string[]>()
  const { tokens } = parseArgs({ args: [...args], options, strict: false, tokens: true })
  for (const token of tokens) {
    if (token.kind === 'positional') problems.push(`Cannot use "${token.value}": this command takes flags alone.`)
    if (token.kind !== 'option') continue
    const known = table.find(({ name }) => name === token.name)
    if (known === undefined) {
      const near = nearestName(
        token.name,
        table.map(({ name }) => name),
      )
      const hint = near === undefined ? `See "selvedge ${command} --help".` : `Did you mean --${near}?`
      problems.push(`Cannot use ${token.rawName}: there is no such flag. ${hint}`)
    } else if (token.value === undefined && known.value !== '') {
      problems.push(`Cannot use ${token.rawName}: its value is missing.`)
    } else given.set(token.name, [...(given.get(token.name) ?? []), token.value ?? 'on'])
  }
  return given
}
