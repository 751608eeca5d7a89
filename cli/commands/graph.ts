import { type DefineCommand, examples, outputOption, type ServerOptions, serverOptions, withMesh } from '../cli.ts'
import { print } from '../print.ts'
import { graphDot, graphLines } from '../render/mod.ts'
import { durationMs } from './duration.ts'

interface GraphOptions extends ServerOptions {
  readonly window: string
  readonly output: 'table' | 'json' | 'yaml' | 'dot'
}

export const defineGraph: DefineCommand = (command, cli) => {
  serverOptions(outputOption(command, ['table', 'json', 'yaml', 'dot']))
    .option('--window <DURATION>', 'the traffic of how long; 0s: since the start', '10s')
    .action(async (options: GraphOptions) => {
      const windowMs = durationMs(options.window)
      await withMesh(cli, options, async api => {
        const graph = await api.graph(windowMs)
        if (options.output === 'dot')
          cli.terminal.out(
            graphDot(graph.edges)
              .map(line => `${line}\n`)
              .join(''),
          )
        else await print(cli.terminal, options.output, graph, () => graphLines(graph.edges))
      })
    })
  examples(command, [
    'selvedge graph',
    'selvedge graph --window 5m -o json',
    'selvedge graph -o dot | dot -Tsvg > mesh.svg',
  ])
}
