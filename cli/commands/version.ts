import { type DefineCommand, examples, outputOption, type ServerOptions, serverOptions, withMesh } from '../cli.ts'
import { print } from '../print.ts'

interface VersionOptions extends ServerOptions {
  readonly client?: boolean
  readonly output: 'table' | 'json' | 'yaml'
}

export const defineVersion: DefineCommand = (command, cli) => {
  serverOptions(outputOption(command, ['table', 'json', 'yaml']))
    .option('--client', 'of this program only')
    .action(async (options: VersionOptions) => {
      const server = options.client === true ? undefined : await serverVersion(options)
      const versions = { client: cli.version, node: process.versions.node, ...(server && { server }) }
      await print(cli.terminal, options.output, versions, () => [
        `selvedge ${cli.version} (Node ${process.versions.node})`,
        ...(server === undefined ? [] : [`control plane ${server}`]),
      ])
    })
  examples(command, ['selvedge version', 'selvedge version --client -o json'])

  /** Without a mesh in sight the own version is the whole answer. */
  async function serverVersion(options: VersionOptions): Promise<string | undefined> {
    try {
      return await withMesh(cli, options, async api => (await api.info()).version)
    } catch {
      return undefined
    }
  }
}
