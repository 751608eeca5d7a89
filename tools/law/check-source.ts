import { isKindOfTest, mayReadEnvironment } from './file-kind.ts'
import type { SourceFile } from './source-file.ts'
import { type Law, roomOf } from './table.ts'
import type { Violation } from './violation.ts'

/** Past this a file is asked why (STYLE: about 150 lines is comfortable). */
export const LINES_WARNING = 300
/** Past this it is a fault: nobody reads it in one go. Tests may be long lists, but not longer than this either. */
export const LINES_MAX = 800

const EMPTY_WORDS = /^(utils?|helpers?|misc)$/

/** Judges what a file contains, beside its imports: rules 4 and 10, length and name. Pure. */
export function checkSource(law: Law, file: SourceFile): Violation[] {
  const found: Violation[] = []
  const report = (severity: Violation['severity'], line: number, rule: string, message: string) =>
    found.push({ severity, file: file.path, line, rule, message })

  for (const message of file.errors) report('error', 1, 'syntax', message)

  const pure = roomOf(law, file.path)?.pure === true && !isKindOfTest(file.path)
  for (const use of file.uses) {
    if (use.kind === 'environment' && !mayReadEnvironment(file.path)) {
      report(
        'error',
        use.line,
        'rule 10',
        `reads ${use.name}. Only config.ts files read the environment: take the value as an argument.`,
      )
    }
    if (use.kind === 'clock-or-chance' && pure) {
      report(
        'error',
        use.line,
        'rule 4',
        `uses ${use.name}. This room decides purely: take a Clock, a Random or the time as an argument.`,
      )
    }
  }

  if (file.lines > LINES_MAX) {
    report('error', 1, 'length', `has ${file.lines} lines, more than ${LINES_MAX}. Split it by idea.`)
  } else if (file.lines > LINES_WARNING && !isKindOfTest(file.path)) {
    report('warning', 1, 'length', `has ${file.lines} lines, more than ${LINES_WARNING}. Does it hold two ideas?`)
  }

  const segments = file.path.replace(/(\.test)?\.ts$/, '').split('/')
  if (segments.some(segment => EMPTY_WORDS.test(segment))) {
    report('error', 1, 'names', 'is named after nothing. Name it after what it exports.')
  }
  if (!/^[a-z0-9.-]+$/.test(segments.at(-1) ?? '')) report('error', 1, 'names', 'is not in kebab-case.')
  return found
}
