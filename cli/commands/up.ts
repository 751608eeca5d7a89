import { existsSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type DefineCommand, examples } from '../cli.ts'
import { selvedgeCommand, stopSignals } from '../entry.ts'
import { CliFailure, usageFailure } from '../failure.ts'
import { readResourceFiles } from '../resource-files.ts'
import { meshFileOf, runUp } from '../up/mod.ts'
import { durationMs } from './duration.ts'

interface UpFlags {
  readonly for?: string
  readonly output: string
  readonly dataDir?: string
  readonly restPort: string
  readonly enrolmentPort: string
  readonly discoveryPort: string
  readonly metricsPort: string
  readonly context?: string
  readonly verbose?: boolean
}

export const defineUp: DefineCommand = (command, cli) => {
  command
    .description(
      'Runs a whole mesh on this machine: a control plane, and for each Process in FILE its program and its sidecar. ' +
        'Without FILE: the bookshop demo, with live traffic. Restarts what dies. Ctrl-C ends everything.',
    )
    .argument('[file]', 'resources and Processes (YAML or JSON)')
    .option('--for <DURATION>', 'end by itself this long after the mesh is ready')
    .option('-o, --output <FORMAT>', 'table, or json: one JSON summary as the last line, all else on stderr', 'table')
    .option('--data-dir <DIR>', "keep the control plane's state there (default: a fresh one, removed at the end)")
    .option('--rest-port <PORT>', 'the REST API; where it is taken, a free port is used', '15080')
    .option('--enrolment-port <PORT>', 'where sidecars join', '15010')
    .option('--discovery-port <PORT>', 'where sidecars get their policy', '15012')
    .option('--metrics-port <PORT>', "the control plane's metrics", '15014')
    .option('--context <FILE>', 'where to leave address and token for the other commands [SELVEDGE_CONTEXT]')
    .option('-v, --verbose', 'show the whole log of control plane and sidecars, not only warnings')
    .action(async (file: string | undefined, flags: UpFlags) => {
      if (flags.output !== 'table' && flags.output !== 'json')
        throw usageFailure('Cannot print that: --output is table or json')
      const path = file ?? demoFile()
      const { stop, stopNow } = stopSignals(cli.env.startedByNpm)
      await runUp(
        {
          mesh: meshFileOf(await readResourceFiles([path])),
          folder: path === '-' ? process.cwd() : dirname(resolve(path)),
          forMs: flags.for === undefined ? undefined : durationMs(flags.for),
          dataDir: flags.dataDir === undefined ? undefined : resolve(flags.dataDir),
          ports: {
            rest: port('--rest-port', flags.restPort),
            enrolment: port('--enrolment-port', flags.enrolmentPort),
            discovery: port('--discovery-port', flags.discoveryPort),
            metrics: port('--metrics-port', flags.metricsPort),
          },
          json: flags.output === 'json',
          verbose: flags.verbose === true,
          contextFile: flags.context === undefined ? cli.env.contextFile : resolve(flags.context),
          selvedge: selvedgeCommand(),
          inherited: cli.env.inherited,
          stop,
          stopNow,
        },
        cli.terminal,
      )
    })
  examples(command, [
    'selvedge up                            the bookshop demo',
    'selvedge up my-mesh.yaml               your own programs',
    'selvedge up --for 15s -o json          15 seconds of traffic, then one line of JSON',
  ])
}

/** The demo lies beside the sources in a checkout, and one folder further up in the published package. */
function demoFile(): string {
  for (const place of ['../../docs/examples/bookshop.yaml', '../../../docs/examples/bookshop.yaml']) {
    const path = fileURLToPath(new URL(place, import.meta.url))
    if (existsSync(path)) return path
  }
  throw new CliFailure('Cannot find the demo: docs/examples/bookshop.yaml is missing; give a FILE')
}

/** 0 asks for a free one. */
function port(flag: string, text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 0 || value > 65_535)
    throw usageFailure(`Cannot use ${flag} ${text}: give a port, 0 to 65535`)
  return value
}
