import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

export interface H2specWish {
  readonly port: number
  readonly tls: boolean
}

export interface H2specResult {
  readonly tests: number
  readonly passed: number
  readonly skipped: number
  readonly failed: number
  /** All that it said. */
  readonly output: string
}

/** Where there is no build of it yet, it is made. */
const PREPARE_MS = 180_000
/** Of each case that waits for something; a whole run takes less than a second where nothing has to be waited for. */
const CASE_SECONDS = 5
const RUN_MS = 300_000

const run = promisify(execFile)

/** The path of h2spec, which is built when it isn't in the user's cache. Throws with what to install. */
export async function preparedH2spec(): Promise<string> {
  const script = fileURLToPath(new URL('prepare.sh', import.meta.url))
  const { stdout } = await run('sh', [script], { timeout: PREPARE_MS }).catch((error: Error & { stderr?: string }) => {
    throw new Error(`${error.stderr?.trim() || error.message}. tools/h2spec/prepare.sh makes it, once`, {
      cause: error,
    })
  })
  return stdout.trim()
}

/** Runs all cases against 127.0.0.1, those included that it calls strict. */
export async function runH2spec(path: string, { port, tls }: H2specWish): Promise<H2specResult> {
  const args = ['--strict', '--host', '127.0.0.1', '--port', String(port), '--timeout', String(CASE_SECONDS)]
  const output = await run(path, tls ? [...args, '--tls', '--insecure'] : args, { timeout: RUN_MS }).then(
    ({ stdout }) => stdout,
    (error: Error & { stdout?: string; stderr?: string }) => `${error.stdout ?? ''}${error.stderr ?? error.message}`,
  )
  return readH2spec(output)
}

/** Its last line: `147 tests, 146 passed, 0 skipped, 1 failed`. Throws when it isn't there. */
export function readH2spec(output: string): H2specResult {
  const summary = /^(\d+) tests, (\d+) passed, (\d+) skipped, (\d+) failed$/m.exec(output)
  if (summary === null) throw new Error(`Cannot read what h2spec said: ${output.trim()}`)
  const [tests = 0, passed = 0, skipped = 0, failed = 0] = summary.slice(1).map(Number)
  return { tests, passed, skipped, failed, output }
}
