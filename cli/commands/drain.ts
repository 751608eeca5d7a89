import { request } from 'node:http'
import { join } from 'node:path'
import { readPrivateFile } from '../../common/folders/mod.ts'
import { formatDurationMs, isDnsLabel } from '../../common/mod.ts'
import { type Cli, type DefineCommand, examples, outputOption } from '../cli.ts'
import { CliFailure, codeOf, EXIT, messageOf, usageFailure } from '../failure.ts'
import { type Format, print } from '../print.ts'
import { count } from '../render/mod.ts'
import { readContext } from '../rest/mod.ts'
import { durationMs } from './duration.ts'

interface DrainFlags {
  readonly stateDir?: string
  readonly context?: string
  readonly for: string
  readonly output: Format
}

/** Where a sidecar listens for us, and what it wants to see. */
interface AdminDoor {
  readonly host: string
  readonly port: number
  readonly token: string
}

/** How far a drain is, as the sidecar says. */
interface DrainLook {
  readonly phase: string
  readonly done: boolean
  readonly exchanges: number
  readonly tunnels: number
}

/** What a sidecar leaves in its state folder. */
const ADMIN_FILE = 'admin.json'
const ADMIN_FILE_BYTES_MAX = 4096
const POLL_MS = 200
/** No more lines than people can read. */
const LINE_MS = 1_000
const ANSWER_MS = 5_000

export const defineDrain: DefineCommand = (command, cli) => {
  outputOption(command, ['table', 'json', 'yaml'])
    .description(
      'Takes a sidecar out of service, and waits until nothing of what came to it from others is under way. It is not ready from then on, callers are told to ' +
        'close, and the application goes on to call others through it. SIGTERM then ends it at once. Exit status 1: not all had ended in time.',
    )
    .argument('[target]', 'NAMESPACE/NAME of a workload of this machine\'s "selvedge up"')
    .option('--state-dir <DIR>', 'the --state-dir of the sidecar, in place of a target [SELVEDGE_STATE_DIR]')
    .option('--for <DURATION>', 'how long to wait', '30s')
    .option('--context <FILE>', 'the file in which "selvedge up" left where its sidecars are [SELVEDGE_CONTEXT]')
    .action(async (target: string | undefined, flags: DrainFlags) => {
      const forMs = durationMs(flags.for)
      const { what, folder } = findFolder(target, flags, cli)
      const look = await drain(doorIn(folder), forMs, text => {
        if (flags.output === 'table') cli.terminal.out(`${text}\n`)
        else cli.terminal.err(`${text}\n`)
      })
      if (flags.output !== 'table') await print(cli.terminal, flags.output, look, () => [])
      if (look.done) return
      cli.terminal.err(
        `Cannot drain ${what} within ${formatDurationMs(forMs)}: ${leftText(look)}; wait longer with --for, or end it with SIGTERM\n`,
      )
      cli.exit(EXIT.failed)
    })
  examples(command, [
    'selvedge drain bookshop/reviews-v1',
    'selvedge drain bookshop/reviews-v1 --for 2m',
    'selvedge drain --state-dir /var/lib/selvedge/sidecar   # where there is no "selvedge up": in a preStop hook, say',
  ])
}

function findFolder(
  target: string | undefined,
  flags: DrainFlags,
  { env }: Cli,
): { readonly what: string; readonly folder: string } {
  const stateDir = flags.stateDir ?? env.stateDir
  if (target === undefined) {
    if (stateDir !== undefined) return { what: `the sidecar of ${stateDir}`, folder: stateDir }
    throw usageFailure('Cannot drain nobody: name a workload, as in bookshop/reviews-v1, or give --state-dir')
  }
  if (flags.stateDir !== undefined) throw usageFailure('Cannot drain two: give a target or --state-dir')
  const [namespace = '', name = '', ...more] = target.split('/')
  if (!isDnsLabel(namespace) || !isDnsLabel(name) || more.length > 0)
    throw usageFailure(`Cannot drain ${target}: write NAMESPACE/NAME, as in bookshop/reviews-v1`)
  const file = flags.context ?? env.contextFile
  const context = readContext(file)
  if (!context.ok) throw new CliFailure(context.error)
  const sidecars = context.value?.sidecars
  if (sidecars === undefined) {
    throw new CliFailure(
      `Cannot find ${target}: ${file} is not of a "selvedge up"; give the --state-dir of the sidecar`,
    )
  }
  return { what: target, folder: join(sidecars, `${namespace}.${name}`) }
}

/** Reads where the sidecar's admin port is. Throws `CliFailure`. */
function doorIn(folder: string): AdminDoor {
  const path = join(folder, ADMIN_FILE)
  const file = readPrivateFile(path, ADMIN_FILE_BYTES_MAX)
  if (!file.ok) throw new CliFailure(file.error)
  if (file.value === undefined)
    throw new CliFailure(`Cannot find a sidecar: there is no ${path}; see that one runs with this --state-dir`)
  const door = parseDoor(file.value.toString('utf8'))
  if (door === undefined) throw new CliFailure(`Cannot use ${path}: it is not what a sidecar writes`)
  return door
}

function parseDoor(text: string): AdminDoor | undefined {
  try {
    const { address, token } = JSON.parse(text) as Record<string, unknown>
    const match = /^([0-9.]+):([0-9]{1,5})$/.exec(String(address))
    if (match === null || typeof token !== 'string') return undefined
    return { host: match[1]!, port: Number(match[2]), token }
  } catch {
    return undefined
  }
}

/** Begins the drain, and tells how far it is until it is done or `forMs` have passed. Throws `CliFailure`. */
async function drain(door: AdminDoor, forMs: number, tell: (text: string) => void): Promise<DrainLook> {
  const endMs = performance.now() + forMs
  let look = await ask(door, 'POST')
  let told = ''
  let toldMs = Number.NEGATIVE_INFINITY
  for (;;) {
    const text = look.done ? 'drained: nothing is under way' : leftText(look)
    const now = performance.now()
    if (text !== told && (look.done || now - toldMs >= LINE_MS)) {
      tell(text)
      told = text
      toldMs = now
    }
    if (look.done || now >= endMs) return look
    await new Promise(resolve => setTimeout(resolve, Math.min(POLL_MS, endMs - now)))
    look = await ask(door, 'GET')
  }
}

function leftText({ exchanges, tunnels }: DrainLook): string {
  const parts = [
    ...(exchanges > 0 || tunnels === 0 ? [count(exchanges, 'exchange')] : []),
    ...(tunnels > 0 ? [count(tunnels, 'tunnel')] : []),
  ]
  return `${parts.join(' and ')} left`
}

function ask({ host, port, token }: AdminDoor, method: 'GET' | 'POST'): Promise<DrainLook> {
  return new Promise((resolve, reject) => {
    const fail = (why: string): void => reject(new CliFailure(`Cannot drain the sidecar at ${host}:${port}: ${why}`))
    const headers = { authorization: `Bearer ${token}` }
    // An agent of its own: the shared one goes by the proxies of the environment.
    const sent = request({ host, port, method, path: '/drain', headers, agent: false, timeout: ANSWER_MS }, answer => {
      const chunks: Buffer[] = []
      answer.on('data', (chunk: Buffer) => chunks.push(chunk))
      answer.on('error', error => fail(messageOf(error)))
      answer.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8')
        if (answer.statusCode === 200) resolve(JSON.parse(text) as DrainLook)
        else fail(`it answers ${answer.statusCode}: ${text.trim()}`)
      })
    })
    sent.on('timeout', () => sent.destroy(new Error('it does not answer')))
    sent.on('error', error => {
      const gone = codeOf(error) === 'ECONNREFUSED'
      fail(gone ? 'nothing listens there; see whether it runs' : messageOf(error))
    })
    sent.end()
  })
}
