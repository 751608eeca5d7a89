import { setTimeout as sleep } from 'node:timers/promises'
import { type DefineCommand, examples, outputOption, type ServerOptions, serverOptions, withMesh } from '../cli.ts'
import { print } from '../print.ts'
import { edgeTableLines } from '../render/mod.ts'
import { Screen } from '../screen.ts'
import { durationMs } from './duration.ts'
import { patienceOf } from './patience.ts'

interface TopOptions extends ServerOptions {
  readonly window: string
  readonly once?: boolean
  readonly output: 'table' | 'json' | 'yaml'
}

const REFRESH_INTERACTIVE_MS = 1_000
const REFRESH_PLAIN_MS = 5_000

export const defineTop: DefineCommand = (command, cli) => {
  serverOptions(outputOption(command, ['table', 'json', 'yaml']))
    .option('--window <DURATION>', 'the traffic of how long', '10s')
    .option('--once', 'show it once, and end')
    .action(async (options: TopOptions) => {
      const windowMs = durationMs(options.window)
      const screen = new Screen(cli.terminal)
      await withMesh(cli, options, async api => {
        const patience = patienceOf(cli)
        for (;;) {
          const graph = await api.graph(windowMs).catch(thrown => patience.failed(thrown))
          if (graph !== undefined) {
            patience.answered()
            if (options.output === 'table')
              screen.table(graph.edges.length === 0 ? ['No traffic yet.'] : edgeTableLines(graph.edges))
            else await print(cli.terminal, options.output, graph, () => [])
          }
          if (options.once === true) return
          await sleep(cli.terminal.interactive ? REFRESH_INTERACTIVE_MS : REFRESH_PLAIN_MS)
        }
      })
    })
  examples(command, ['selvedge top', 'selvedge top --once', 'selvedge top --once --window 1m -o json'])
}
