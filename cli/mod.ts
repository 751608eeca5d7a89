/**
 * The command line: one file for each command under `commands/`, which speak REST to a control plane.
 * Invariants: only `config.ts` reads the environment; expected failures are `CliFailure`s, one sentence on stderr and no stack;
 * stdout carries what was asked for and nothing else. Through this door `up/` takes what it shares with the commands.
 */
export { readCliEnvironment } from './config.ts'
export { CliFailure, messageOf } from './failure.ts'
export { execute } from './program.ts'
export { count, edgeTableLines, percent } from './render/mod.ts'
export {
  type Context,
  type Edge,
  isAlive,
  MeshApi,
  readContext,
  removeContext,
  type Server,
  writeContext,
} from './rest/mod.ts'
export { Screen } from './screen.ts'
export { onStderr, type Terminal } from './terminal.ts'
