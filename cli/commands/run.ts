import { isDnsLabel, systemClock, systemRandom } from '../../common/mod.ts'
import type { ProcessResource } from '../../model/resources/mod.ts'
import { type Cli, type DefineCommand, examples, type ServerOptions, serverOptions, withMesh } from '../cli.ts'
import { selvedgeCommand, stopSignals } from '../entry.ts'
import { CliFailure, EXIT, messageOf, usageFailure } from '../failure.ts'
import { kindOf, type MeshApi } from '../rest/mod.ts'
import {
  assembleMesh,
  type Exit,
  type MeshFile,
  makeTemporaryFolder,
  meshFileOf,
  type Output,
  plainOutput,
  startGuard,
  systemWorld,
} from '../up/mod.ts'
import { wholeNumber } from './token.ts'

const PORT_MAX = 65_535

interface RunFlags extends ServerOptions {
  readonly service?: string
  readonly namespace: string
  readonly port?: string
  readonly name?: string
  readonly serviceAccount?: string
  readonly verbose?: boolean
}

/** Signals end with 128 and their number, as shells say it; we know the name only, and use SIGTERM's. */
const STATUS_KILLED = 143

export const defineRun: DefineCommand = (command, cli) => {
  serverOptions(command)
    .description(
      'Runs a program of yours with a sidecar, in a running mesh. Others reach it by the name of its service (which is made, with port 80, ' +
        "where there is none); it reaches them by theirs. Ends with the program's exit status.",
    )
    .argument('<command...>', 'the program and its arguments, after --')
    .option('--service <NAME>', 'the service that it answers for; without it, it only calls others')
    .option('--port <N>', 'where it listens; without it a free port is told to it as PORT')
    .option('-n, --namespace <NAMESPACE>', 'where it lives', 'default')
    .option('--name <NAME>', 'the name of its workload (default: the service and a number)')
    .option('--service-account <NAME>', 'who it is (default: the service, else "run")')
    .option('-v, --verbose', "show its sidecar's whole log, not only warnings")
    .action(async (program: readonly string[], flags: RunFlags) => {
      const mesh = meshFileOf([processOf(program, flags)])
      await withMesh(cli, flags, async api => {
        await makeService(api, mesh)
        const exit = await runMember(api, mesh, flags, cli)
        cli.exit(exit === undefined ? EXIT.done : (exit.code ?? STATUS_KILLED))
      })
    })
  examples(command, [
    'selvedge run --service hello --port 8080 -- python3 -m http.server 8080',
    'selvedge run -n bookshop -- curl -s http://catalog/books',
    "selvedge run -n bookshop --service gifts -- sh -c 'exec ./gifts --port $PORT'",
  ])
}

function processOf(command: readonly string[], flags: RunFlags): ProcessResource {
  const { service, namespace } = flags
  // Whoever only calls is one caller, however often it is run.
  const serviceAccount = flags.serviceAccount ?? (service === undefined ? 'run' : undefined)
  const name = flags.name ?? `${service ?? 'run'}-${process.pid}`
  for (const [flag, value] of Object.entries({ service, name, namespace, 'service-account': serviceAccount })) {
    if (value === undefined || isDnsLabel(value)) continue
    throw usageFailure(`Cannot use --${flag} ${value}: use 1 to 63 of a-z, 0-9 and "-"`)
  }
  return {
    apiVersion: 'selvedge.dev/v1',
    kind: 'Process',
    metadata: { name, namespace, labels: {} },
    spec: {
      command,
      service,
      serviceAccount,
      port: flags.port === undefined ? undefined : portOf(flags.port),
      labels: {},
      replicas: 1,
      env: {},
      cwd: undefined,
    },
  }
}

function portOf(text: string): number {
  const port = wholeNumber('--port', text)
  if (port <= PORT_MAX) return port
  throw usageFailure(`Cannot use --port ${text}: give a port, 1 to ${PORT_MAX}`)
}

/** The Service that the program answers for, unless somebody has written one. */
async function makeService(api: MeshApi, { resources }: MeshFile): Promise<void> {
  for (const { kind, metadata } of resources) {
    if ((await api.find(kindOf(kind), metadata.namespace, metadata.name)) === undefined) await api.apply(resources)
  }
}

/** How the program ended; `undefined` when we were told to end it. */
async function runMember(api: MeshApi, file: MeshFile, flags: RunFlags, cli: Cli): Promise<Exit | undefined> {
  const { stop } = stopSignals(cli.env.startedByNpm)
  const stateDir = makeTemporaryFolder('set TMPDIR to a folder that can be written')
  const guard = startGuard(stateDir)
  const ended = Promise.withResolvers<Exit>()
  const output: Output = plainOutput(cli.terminal, flags.verbose === true)
  const around = {
    api,
    addresses: await api.info(),
    guard,
    output,
    world: systemWorld(systemClock),
    selvedge: selvedgeCommand(),
    inherited: cli.env.inherited,
    stateDir,
    folder: process.cwd(),
    verbose: flags.verbose === true,
    mustStart: true,
    onProgramEnd: ended.resolve,
  }
  const mesh = await assembleMesh(file, around, systemRandom)
  const told = new Promise<undefined>(resolve =>
    stop.addEventListener('abort', () => resolve(undefined), { once: true }),
  )
  try {
    const started = Promise.all(
      mesh.members.map(async member => {
        await member.startSidecar()
        await member.startProgram()
      }),
    )
    await Promise.race([started, told])
    return await Promise.race([ended.promise, told])
  } catch (thrown) {
    throw new CliFailure(`Cannot run the program: ${messageOf(thrown)}`)
  } finally {
    await mesh.stop()
    guard.close()
  }
}
