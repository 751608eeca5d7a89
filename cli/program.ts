import { Command, CommanderError } from 'commander'
import type { Cli } from './cli.ts'
import { COMMANDS } from './commands/table.ts'
import { type CliEnvironment, readCliEnvironment } from './config.ts'
import { CliFailure, EXIT, messageOf } from './failure.ts'
import { processTerminal, type Terminal } from './terminal.ts'
import { programVersion } from './version.ts'

/** Runs one command of this process, and sets its exit status: 0 done, 1 failed, 2 wrong usage. */
export async function runCommand(args: readonly string[]): Promise<void> {
  const env = readCliEnvironment()
  process.exitCode = await execute(args, env, processTerminal(env.noColor))
}

/** Runs one command and returns its exit status. Never throws: what goes wrong is told on stderr. */
export async function execute(args: readonly string[], env: CliEnvironment, terminal: Terminal): Promise<number> {
  let status: number = EXIT.done
  const cli: Cli = { terminal, env, version: programVersion(), exit: code => (status = code) }
  try {
    const program = await buildProgram(args, cli)
    await program.parseAsync([...args], { from: 'user' })
    return status
  } catch (thrown) {
    return failureStatus(thrown, env, terminal)
  }
}

/** The tree of commands. All are in it, so that help and suggestions know them; only the one that is meant is filled in. */
async function buildProgram(args: readonly string[], cli: Cli): Promise<Command> {
  const program = new Command('selvedge')
    .description('A sidecar service mesh: mTLS, routing, retries, circuit breaking, and an answer to why.')
    .version(cli.version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show this help')
    .helpCommand('help [command]', "show a command's help")
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({
      writeOut: text => cli.terminal.out(text),
      writeErr: text => cli.terminal.err(text),
      outputError: (text, write) => write(`${usageSentence(text, args)}\n`),
    })
    .addHelpText(
      'after',
      '\nBegin with:\n  selvedge up                    the bookshop demo, with live traffic\n  selvedge up my-mesh.yaml       your own programs\n  selvedge COMMAND --help        each command, with examples',
    )
  for (const { name, summary, load } of COMMANDS) {
    const command = program
      .command(name)
      .summary(summary)
      .description(`${summary[0]?.toUpperCase()}${summary.slice(1)}.`)
    if (args[0] === name && load !== undefined) (await load())(command, cli)
  }
  return program
}

/** commander's complaint as one sentence of ours. */
function usageSentence(text: string, args: readonly string[]): string {
  const complaint = text
    .replace(/^error: /, '')
    .replace(/\n\(Did you mean (?:one of )?(.+?)\??\)/, '; did you mean $1?')
    .trim()
  const known = COMMANDS.find(({ name }) => name === args[0])
  return `Cannot run selvedge: ${complaint.replace(/\.$/, '')}${complaint.endsWith('?') ? '' : ';'} "selvedge${known === undefined ? '' : ` ${known.name}`} --help" shows what there is`
}

function failureStatus(thrown: unknown, env: CliEnvironment, terminal: Terminal): number {
  if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? EXIT.done : EXIT.usage
  if (thrown instanceof CliFailure) {
    terminal.err(`${thrown.message}\n`)
    return thrown.exitStatus
  }
  terminal.err(
    `Cannot finish: ${messageOf(thrown)}. This is a fault of selvedge; SELVEDGE_DEBUG=1 shows where it lies\n`,
  )
  if (env.debug && thrown instanceof Error) terminal.err(`${thrown.stack}\n`)
  return EXIT.failed
}
