import { controlPlaneHelp, readControlPlaneConfig } from '../../control-plane/config.ts'
import { readInjectSettings } from '../../k8s/injector/mod.ts'
import { podAdmission } from '../../k8s/webhook/mod.ts'
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
  const { image, imagePullPolicy, controlPlane, enrolment } = config.value.injection
  const given = { image, imagePullPolicy, controlPlane, enrolment, trustDomain: config.value.trustDomain }
  const settings = readInjectSettings(given, programVersion())
  if (!settings.ok) {
    process.stderr.write(settings.error.map(problem => `Cannot use --inject-${problem}.\n`).join(''))
    process.exitCode = EXIT.usage
    return
  }
  const plugs = config.value.ports.webhook === undefined ? {} : { admission: podAdmission(settings.value) }
  // Only now: help and wrong flags need none of it.
  const { runControlPlane: run } = await import('../../control-plane/app.ts')
  process.exitCode = await run(config.value, programVersion(), plugs)
}
