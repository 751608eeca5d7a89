/** pino's numbers for the levels that we tell apart. */
const LEVEL_WARN = 40
const LEVEL_NAMES: Readonly<Record<number, string>> = {
  10: 'trace',
  20: 'debug',
  30: 'info',
  40: 'warn',
  50: 'error',
  60: 'fatal',
}
/** What each line of a sidecar's access log says. */
const ACCESS_LOG_MESSAGE = 'exchange'
/** In every line, and of no use to a person who watches. */
const FIELDS_HIDDEN = new Set(['level', 'time', 'pid', 'hostname', 'msg', 'name'])

/**
 * A JSON log line of the control plane or a sidecar, for a person: `warn: control plane is away (error=ECONNREFUSED)`.
 * `undefined` when it is below a warning, no access log, and `verbose` is off. What is not JSON is shown as it is.
 */
export function readableLog(line: string, verbose: boolean): string | undefined {
  const fields = parseFields(line)
  if (fields === undefined) return line
  const level = typeof fields.level === 'number' ? fields.level : LEVEL_WARN
  // An access log is off unless somebody wants to see it.
  if (level < LEVEL_WARN && !verbose && fields.msg !== ACCESS_LOG_MESSAGE) return undefined
  const more = Object.entries(fields)
    .filter(([name]) => !FIELDS_HIDDEN.has(name))
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
  const tail = more.length === 0 ? '' : ` (${more.join(' ')})`
  return `${LEVEL_NAMES[level] ?? level}: ${fields.msg ?? ''}${tail}`
}

function parseFields(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith('{')) return undefined
  try {
    return JSON.parse(line) as Record<string, unknown>
  } catch {
    return undefined
  }
}
