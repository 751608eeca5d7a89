import { type DefineCommand, examples, outputOption, type ServerOptions, serverOptions, withMesh } from '../cli.ts'
import { CliFailure, usageFailure } from '../failure.ts'
import { print } from '../print.ts'
import { waterfallLines } from '../render/mod.ts'
import { ApiFailure, type MeshApi, type TraceAnswer } from '../rest/mod.ts'

interface TraceOptions extends ServerOptions {
  readonly slow?: boolean
  readonly output: 'table' | 'json' | 'yaml'
}

/** How many of the slowest are looked through for the one with the most to show. */
const SLOW_LIMIT = 20

export const defineTrace: DefineCommand = (command, cli) => {
  serverOptions(outputOption(command, ['table', 'json', 'yaml']))
    .argument('[id]', 'the trace: 32 hex digits, as in the traceparent header')
    .option('--slow', 'the slowest of the requests that were kept')
    .action(async (id: string | undefined, options: TraceOptions) => {
      if ((id === undefined) === (options.slow !== true)) {
        throw usageFailure('Cannot tell which trace is meant: give its id, or --slow')
      }
      await withMesh(cli, options, async api => {
        const trace = id === undefined ? await slowest(api) : await byId(api, id)
        await print(cli.terminal, options.output, trace, () => waterfallLines(trace.traceId, trace.spans))
      })
    })
  examples(command, ['selvedge trace --slow', 'selvedge trace 4bf92f3577b34da6a3ce929d0e0e4736 -o json'])
}

async function slowest(api: MeshApi): Promise<TraceAnswer> {
  const { traces } = await api.traces(true, SLOW_LIMIT)
  const first = traces[0]
  if (first === undefined) {
    throw new CliFailure(
      'Cannot show a trace: none was kept yet. One request in a hundred is kept, and every one that failed; wait, or raise tracing.sampling in a MeshPolicy',
    )
  }
  return api.trace(first.traceId)
}

async function byId(api: MeshApi, id: string): Promise<TraceAnswer> {
  if (!/^[0-9a-f]{32}$/i.test(id)) throw usageFailure(`Cannot find the trace "${id}": an id has 32 hex digits`)
  try {
    return await api.trace(id.toLowerCase())
  } catch (thrown) {
    if (!(thrown instanceof ApiFailure) || thrown.status !== 404) throw thrown
    throw new CliFailure(
      `Cannot find the trace ${id}: its spans were not kept, or are gone by now; "selvedge trace --slow" shows one that is there`,
    )
  }
}
