import { runControlPlane as run } from '../../control-plane/app.ts'
import { controlPlaneHelp, readControlPlaneConfig } from '../../control-plane/config.ts'
import { EXIT } from '../failure.ts'
import { programVersion } from '../version.ts'

/** `selvedge control-plane`: hands its flags to the program, and sets the exit status when that has ended. */
export async function runControlPlane(args: readonly string[]): Promise<void> {
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(controlPlaneHelp())
    return
  }
  const config = readControlPlaneConfig(args)
  if (!config.ok) {
    process.stderr.write(config.error.map(problem => `${problem}\n`).join(''))
    process.exitCode = EXIT.usage
    return
  }
  process.exitCode = await run(config.value, programVersion())
}
