import { readFileSync } from 'node:fs'
import { err, ok, type Result } from '../../common/mod.ts'
import { readSidecarConfig, sidecarHelp } from '../../sidecar/config.ts'
import { EXIT, messageOf } from '../failure.ts'
import { programVersion } from '../version.ts'

/** `selvedge sidecar`: hands its flags to the program, and sets the exit status when that has ended. */
export async function runSidecar(args: readonly string[]): Promise<void> {
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(sidecarHelp())
    return
  }
  const config = readSidecarConfig(args, readText)
  if (!config.ok) {
    process.stderr.write(config.error.map(problem => `${problem}\n`).join(''))
    process.exitCode = EXIT.usage
    return
  }
  // Only now: help and wrong flags need none of it.
  const { runSidecar: run } = await import('../../sidecar/app.ts')
  process.exitCode = await run(config.value, programVersion())
}

function readText(path: string): Result<string, string> {
  try {
    return ok(readFileSync(path, 'utf8'))
  } catch (thrown) {
    return err(messageOf(thrown))
  }
}
