import type { Command } from 'commander'
import {
  defaultSettings,
  type Injected,
  type InjectSettings,
  type Json,
  readInjectSettings,
} from '../../k8s/injector/mod.ts'
import { type Cli, collect, type DefineCommand, examples, outputOption } from '../cli.ts'
import { CliFailure, usageFailure } from '../failure.ts'
import { injectText, joined } from '../manifests/mod.ts'
import { readText, shownName } from '../resource-files.ts'

export interface SettingsOptions {
  readonly image?: string
  readonly imagePullPolicy?: string
  readonly controlPlane?: string
  readonly enrolment?: string
  readonly trustDomain?: string
}

interface InjectOptions extends SettingsOptions {
  readonly filename?: readonly string[]
  readonly output: 'yaml' | 'json'
}

export const defineInject: DefineCommand = (command, cli) => {
  command.description(
    'Puts the sidecar into the pods of Kubernetes manifests, and prints them; nothing is sent anywhere. ' +
      'Comments and order stay. Annotations of the pod (selvedge.dev/...) say what shall be otherwise.',
  )
  command.option('-f, --filename <FILE>', 'a file of manifests; - is stdin (repeatable)', collect)
  settingsOptions(outputOption(command, ['yaml', 'json']), cli.version).action(async (options: InjectOptions) => {
    const files = options.filename ?? []
    if (files.length === 0) throw usageFailure('Cannot inject nothing: name a file with -f, or - for stdin')
    await injectFiles(cli, files, options)
  })
  examples(command, [
    'selvedge inject -f deploy.yaml | kubectl apply -f -',
    'kubectl get deployment reviews -o yaml | selvedge inject -f - | kubectl apply -f -',
    'selvedge inject -f deploy.yaml --image example/selvedge:1 --control-plane selvedge.mesh.svc:15012',
  ])
}

/** The flags that say what goes into the pods; the control plane takes them, too. */
export function settingsOptions(command: Command, version: string): Command {
  const usual = defaultSettings(version)
  return command
    .option('--image <IMAGE>', `the image of the sidecar (default: ${usual.image})`)
    .option('--image-pull-policy <POLICY>', 'IfNotPresent, Always or Never (default: as Kubernetes does)')
    .option('--control-plane <HOST:PORT>', `the control plane's mTLS port (default: ${usual.controlPlane})`)
    .option('--enrolment <HOST:PORT>', 'its enrolment port (default: the same host, 15010)')
    .option('--trust-domain <NAME>', `the trust domain of the mesh (default: ${usual.trustDomain})`)
}

/** Throws where a flag is wrong. */
export function settingsOf(options: SettingsOptions, version: string): InjectSettings {
  const settings = readInjectSettings(options, version)
  if (settings.ok) return settings.value
  throw usageFailure(settings.error.map(problem => `Cannot use --${problem}`).join('; '))
}

async function injectFiles(cli: Cli, files: readonly string[], options: InjectOptions): Promise<void> {
  const settings = settingsOf(options, cli.version)
  const texts: string[] = []
  const resources: Json[] = []
  const outcomes: Injected[] = []
  for (const file of files) {
    const injected = injectText(await readText(file), settings)
    if (!injected.ok) throw new CliFailure(`Cannot read ${shownName(file)}: ${injected.error}; correct this first`)
    texts.push(injected.value.text)
    resources.push(...injected.value.resources)
    outcomes.push(...injected.value.outcomes)
    for (const note of injected.value.notes) cli.terminal.err(`note: ${shownName(file)}: ${note}\n`)
  }
  for (const line of outcomes.flatMap(reportLines)) cli.terminal.err(`${line}\n`)
  if (outcomes.length === 0) cli.terminal.err(`note: nothing in ${files.map(shownName).join(', ')} has pods\n`)
  const refused = outcomes.filter(({ outcome }) => outcome.kind === 'refused')
  if (refused.length > 0) {
    // Not a word on stdout: what stands behind the pipe would make pods that lie open.
    throw new CliFailure(
      `Cannot inject ${refused.map(({ title }) => title).join(', ')}: correct what stands above, or keep the sidecar out with the annotation selvedge.dev/inject: "false"`,
    )
  }
  cli.terminal.out(options.output === 'json' ? jsonText(resources) : joined(texts))
}

function reportLines({ title, outcome }: Injected): readonly string[] {
  if (outcome.kind === 'injected') {
    return [`injected ${title}`, ...outcome.warnings.map(warning => `warning: ${title}: ${warning}`)]
  }
  if (outcome.kind === 'present') return [`unchanged ${title}: it has its sidecar already`]
  return [`${outcome.kind} ${title}: ${outcome.why}`]
}

/** One resource alone, or a List, as kubectl prints several. */
function jsonText(resources: readonly Json[]): string {
  const [only, ...more] = resources
  const value = only !== undefined && more.length === 0 ? only : { apiVersion: 'v1', kind: 'List', items: resources }
  return `${JSON.stringify(value, undefined, 2)}\n`
}
