/** One breach of the house rules: where, what, and what to do. A warning is printed and fails nothing. */
export interface Violation {
  readonly severity: 'error' | 'warning'
  readonly file: string
  readonly line: number
  /** Rule numbers are those of `docs/architecture.md`. */
  readonly rule: string
  readonly message: string
}

/** As compilers write it, so that editors find the place. */
export function formatViolation(violation: Violation): string {
  return `${violation.file}:${violation.line}: ${violation.severity}: ${violation.rule}: ${violation.message}`
}
