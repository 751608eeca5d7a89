/** Exit statuses that scripts can rely on. */
export const EXIT = { done: 0, failed: 1, usage: 2 } as const

/** A command's expected end in failure: one sentence for stderr, saying what to do next, and the exit status. Never shown with its stack. */
export class CliFailure extends Error {
  override readonly name = 'CliFailure'
  readonly exitStatus: number

  constructor(message: string, exitStatus: number = EXIT.failed) {
    super(message)
    this.exitStatus = exitStatus
  }
}

/** The user wrote something that cannot be meant: exit status 2. */
export function usageFailure(message: string): CliFailure {
  return new CliFailure(message, EXIT.usage)
}

/** What an unknown thrown value says, in words. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown)
}

/** The code that Node gives a system error (`ENOENT`, `ECONNREFUSED`), or `undefined`. */
export function codeOf(thrown: unknown): string | undefined {
  return thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : undefined
}
