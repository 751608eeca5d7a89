import { homedir } from 'node:os'
import { join, resolve } from 'node:path'

/** What the CLI takes from the environment. Flags of the same name win; an empty variable counts as unset. */
export interface CliEnvironment {
  /** `SELVEDGE_SERVER`: the control plane's REST address. */
  readonly server: string | undefined
  /** `SELVEDGE_TOKEN`: its bearer token. */
  readonly token: string | undefined
  /** `SELVEDGE_TOKEN_FILE`: a file that holds it; the token itself wins. */
  readonly tokenFile: string | undefined
  /** `SELVEDGE_CA`: the file of the CA that its certificate must be of (PEM). */
  readonly ca: string | undefined
  /** `SELVEDGE_CONTEXT`, or `context.json` below `SELVEDGE_HOME` (by default `~/.selvedge`). */
  readonly contextFile: string
  /** `SELVEDGE_STATE_DIR`: the state folder of the sidecar that is meant, as the sidecar itself is told it. */
  readonly stateDir: string | undefined
  /** `NO_COLOR` (no-color.org): any value but the empty one turns colours off. */
  readonly noColor: boolean
  /** `SELVEDGE_DEBUG`: whether a fault of our own shows its stack. */
  readonly debug: boolean
  /** `npm_lifecycle_event`: npm and a shell stand between the user and us, and the shell hands no signal on. */
  readonly startedByNpm: boolean
  /** Everything, to hand on to programs that we start. */
  readonly inherited: Readonly<Record<string, string | undefined>>
}

/** Reads the environment once; nothing else in the CLI does. */
export function readCliEnvironment(env: Readonly<Record<string, string | undefined>> = process.env): CliEnvironment {
  const home = given(env.SELVEDGE_HOME) ?? join(homeFolder(), '.selvedge')
  return {
    server: given(env.SELVEDGE_SERVER),
    token: given(env.SELVEDGE_TOKEN),
    tokenFile: given(env.SELVEDGE_TOKEN_FILE),
    ca: given(env.SELVEDGE_CA),
    contextFile: resolve(given(env.SELVEDGE_CONTEXT) ?? join(home, 'context.json')),
    stateDir: given(env.SELVEDGE_STATE_DIR),
    noColor: given(env.NO_COLOR) !== undefined,
    debug: given(env.SELVEDGE_DEBUG) !== undefined,
    startedByNpm: given(env.npm_lifecycle_event) !== undefined,
    inherited: env,
  }
}

function given(value: string | undefined): string | undefined {
  return value === undefined || value === '' ? undefined : value
}

/** Who has no home (a user of a container that no passwd knows, without HOME) is at home where they are. */
function homeFolder(): string {
  try {
    return homedir()
  } catch {
    return '.'
  }
}
