import { existsSync, readFileSync } from 'node:fs'
import { hasCaDir, initCaDir, loadCaDir, type TrustedCa, toPem } from '../../certs/mod.ts'
import { parseTrustDomain } from '../../common/mod.ts'
import { type Cli, type DefineCommand, examples } from '../cli.ts'
import { CliFailure, messageOf, usageFailure } from '../failure.ts'
import { installationTexts, joined, nextSteps } from '../manifests/mod.ts'
import { type SettingsOptions, settingsOf, settingsOptions } from './inject.ts'

interface InstallOptions extends SettingsOptions {
  readonly caDir?: string
  readonly caSecret: boolean
  readonly crds?: boolean
}

/** In the order in which they are to be applied. */
const MANIFESTS = ['namespace', 'service-account', 'storage', 'service', 'deployment', 'webhook']
const CRDS = ['meshpolicies', 'trafficpolicies', 'workloads']

export const defineInstall: DefineCommand = (command, cli) => {
  command
    .description(
      'Prints the Kubernetes manifests of a control plane with its admission webhook; nothing is sent anywhere. ' +
        "The mesh's CA is in the folder of --ca-dir, and is made there the first time: keep it, for the same CA must come out each time.",
    )
    .option('--ca-dir <DIR>', 'the folder of the CA')
    .option('--no-ca-secret', 'leave out the Secret with the key of the CA; it must be in the cluster as selvedge-ca')
    .option('--crds', 'print the custom resource definitions, too; the control plane does not read them yet')
  settingsOptions(command, cli.version).action((options: InstallOptions) => install(cli, options))
  examples(command, [
    'selvedge install --ca-dir ./mesh-ca | kubectl apply -f -',
    'selvedge install --ca-dir ./mesh-ca --image example/selvedge:1 --trust-domain prod.example.com > selvedge.yaml',
    'selvedge install --ca-dir ./mesh-ca --no-ca-secret > for-the-repository.yaml',
  ])
}

function install(cli: Cli, options: InstallOptions): void {
  if (options.caDir === undefined)
    throw usageFailure('Cannot install without a CA: name a folder with --ca-dir; a CA is made there when it has none')
  const settings = settingsOf(options, cli.version)
  const made = !hasCaDir(options.caDir)
  const ca = openCa(options.caDir, settings.trustDomain)
  const names = [
    ...(options.crds === true ? CRDS.map(name => `crds/selvedge.dev_${name}.yaml`) : []),
    ...MANIFESTS.map(name => `install/${name}.yaml`),
  ]
  const texts = installationTexts(names.map(readManifest), {
    settings,
    caCertificate: toPem('CERTIFICATE', ca.certificateDer),
    caKey: options.caSecret ? ca.privateKeyPem : undefined,
  })
  if (!texts.ok) throw new CliFailure(`Cannot read the manifests of this package: ${texts.error}; install it anew`)
  cli.terminal.out(joined(texts.value))
  if (made) cli.terminal.err(`made the CA of ${settings.trustDomain} in ${options.caDir}; keep that folder safe\n`)
  cli.terminal.err(
    `When it is applied:\n${nextSteps()
      .map(step => `  ${step}\n`)
      .join('')}`,
  )
}

function openCa(dir: string, trustDomain: string): TrustedCa {
  const parsed = parseTrustDomain(trustDomain)
  if (!parsed.ok) throw usageFailure(`Cannot use --trust-domain: ${parsed.error}`)
  const ca = hasCaDir(dir) ? loadCaDir(dir) : initCaDir(dir, { trustDomain: parsed.value, nowMs: Date.now() })
  if (!ca.ok) throw new CliFailure(ca.error)
  if (ca.value.trustDomain === parsed.value) return ca.value
  const other = ca.value.trustDomain
  throw usageFailure(
    `Cannot use the CA in ${dir}: it is of the trust domain ${other}; give --trust-domain ${other}, or another folder`,
  )
}

/** `k8s/` lies two folders up in a checkout, and three in the published package (`dist/cli/commands`). */
function readManifest(name: string): string {
  for (const place of ['../../k8s/', '../../../k8s/']) {
    const url = new URL(`${place}${name}`, import.meta.url)
    try {
      if (existsSync(url)) return readFileSync(url, 'utf8')
    } catch (thrown) {
      throw new CliFailure(`Cannot read k8s/${name} of this package: ${messageOf(thrown)}; install it anew`)
    }
  }
  throw new CliFailure(`Cannot find k8s/${name}: the package lacks it; install it anew`)
}
