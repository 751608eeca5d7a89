import { readFileSync } from 'node:fs'
import { type Command, Option } from 'commander'
import type { CliEnvironment } from './config.ts'
import { CliFailure, messageOf, usageFailure } from './failure.ts'
import { isAlive, MeshApi, readContext, type Server } from './rest/mod.ts'
import type { Terminal } from './terminal.ts'

/** What every command is handed. */
export interface Cli {
  readonly terminal: Terminal
  readonly env: CliEnvironment
  readonly version: string
  /** Sets the exit status of a command that ends without an exception. */
  exit(status: number): void
}

/** Fills in one command: its arguments, flags, help and action. */
export type DefineCommand = (command: Command, cli: Cli) => void

/** The flags that say which control plane is meant. */
export interface ServerOptions {
  readonly server?: string
  readonly token?: string
  readonly ca?: string
  readonly context?: string
}

export function serverOptions(command: Command): Command {
  return command
    .option('--server <URL>', "the control plane's REST address [SELVEDGE_SERVER]")
    .option('--token <TOKEN>', 'its bearer token [SELVEDGE_TOKEN, SELVEDGE_TOKEN_FILE]')
    .option('--ca <FILE>', "the mesh's CA, of which its certificate must be (PEM) [SELVEDGE_CA]")
    .option('--context <FILE>', 'the file in which "selvedge up" left both [SELVEDGE_CONTEXT]')
}

/** `-o`, of the formats that a command knows; the first is its default. */
export function outputOption<Format extends string>(
  command: Command,
  formats: readonly [Format, ...Format[]],
): Command {
  return command.addOption(
    new Option('-o, --output <FORMAT>', 'how to print').choices([...formats]).default(formats[0]),
  )
}

/** Runs `use` with the API of the control plane that flags, environment or context file name, in this order. */
export async function withMesh<T>(cli: Cli, options: ServerOptions, use: (api: MeshApi) => Promise<T>): Promise<T> {
  const api = new MeshApi(findServer(cli.env, options))
  try {
    return await use(api)
  } finally {
    await api.close()
  }
}

export function findServer(env: CliEnvironment, options: ServerOptions): Server {
  const url = options.server ?? env.server
  const token = parseToken(options.token ?? env.token ?? tokenIn(env.tokenFile))
  const ca = options.ca ?? env.ca
  if (url !== undefined) return { url: parseServer(url), token, ...trusted(ca) }
  const file = options.context ?? env.contextFile
  const context = readContext(file)
  if (!context.ok) throw new CliFailure(context.error)
  if (context.value === undefined) {
    throw new CliFailure(
      `Cannot find a control plane: there is no context file ${file}. Start a mesh with "selvedge up", or name one with --server and --token`,
    )
  }
  if (!isAlive(context.value.pid) && options.context === undefined) {
    throw new CliFailure(
      `Cannot find a control plane: the "selvedge up" of ${file} has ended. Start it again, or name another mesh with --server and --token`,
    )
  }
  return { url: context.value.server, token: token ?? context.value.token, ...trusted(ca ?? context.value.ca) }
}

function trusted(file: string | undefined): { readonly ca?: string } {
  if (file === undefined) return {}
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (thrown) {
    throw new CliFailure(`Cannot read the CA ${file}: ${messageOf(thrown)}; check --ca`)
  }
  if (text.includes('-----BEGIN CERTIFICATE-----')) return { ca: text }
  throw new CliFailure(
    `Cannot use the CA ${file}: it holds no certificate in PEM; --ca takes ca/ca.crt of the data folder`,
  )
}

function parseServer(url: string): string {
  const text = url.includes('://') ? url : `http://${url}`
  if (URL.canParse(text) && ['http:', 'https:'].includes(new URL(text).protocol)) return text
  throw usageFailure(`Cannot use --server ${url}: it is not an address; write http://127.0.0.1:15080`)
}

function tokenIn(file: string | undefined): string | undefined {
  if (file === undefined) return undefined
  try {
    return readFileSync(file, 'utf8').trim()
  } catch (thrown) {
    throw new CliFailure(`Cannot read the token in ${file}: ${messageOf(thrown)}; check SELVEDGE_TOKEN_FILE`)
  }
}

/** What a header can carry (RFC 6750, 2.1), though not yet what a control plane takes. */
function parseToken(token: string | undefined): string | undefined {
  if (token === undefined || /^[\x21-\x7e]+$/.test(token)) return token
  throw usageFailure(
    'Cannot use the token: it has characters that no token has; give it as it was made, without spaces and line ends',
  )
}

/** The examples below a command's help. */
export function examples(command: Command, lines: readonly string[]): void {
  command.addHelpText('after', `\nExamples:\n${lines.map(line => `  ${line}`).join('\n')}`)
}

/** For commander's repeatable options. */
export function collect(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value]
}
