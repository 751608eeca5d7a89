import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { eventually } from './eventually.ts'
import { MARK_VARIABLE, markedProcesses, newMark } from './marked.ts'

/** What is kept of a program's output; a test reads the rest as it comes. */
const LINES_MAX = 20_000
const SHOWN_LINES = 40

export const projectRoot = fileURLToPath(new URL('../../', import.meta.url))
const SELVEDGE = fileURLToPath(new URL('../../bin/selvedge.js', import.meta.url))

export interface Exit {
  readonly code: number | null
  readonly signal: string | null
}

export interface Ran extends Exit {
  readonly stdout: string
  readonly stderr: string
}

export interface ProgramOptions {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  readonly input?: string
  /** `open`: its input lasts as long as we do. */
  readonly stdin?: 'open'
}

/** One operating-system process, leader of a group of its own, whose descendants are known by their mark. */
export class Program {
  readonly mark: string
  readonly pid: number
  readonly startedMs: number
  readonly stdout: string[] = []
  readonly stderr: string[] = []
  /** When it has ended and its output is read. */
  readonly exited: Promise<Exit>
  /** When each line of stdout came. */
  readonly stdoutMs: number[] = []
  #over = false

  constructor(child: ChildProcess, mark: string, startedMs: number) {
    this.mark = mark
    this.pid = child.pid ?? 0
    this.startedMs = startedMs
    const keep = (lines: string[]) => (line: string) => void (lines.length < LINES_MAX && lines.push(line))
    if (child.stdout !== null) {
      createInterface({ input: child.stdout })
        .on('line', keep(this.stdout))
        .on('line', () => void this.stdoutMs.push(performance.now()))
    }
    if (child.stderr !== null) createInterface({ input: child.stderr }).on('line', keep(this.stderr))
    this.exited = new Promise((resolve, reject) => {
      child.once('error', reject)
      child.once('close', (code, signal) => {
        this.#over = true
        resolve({ code, signal })
      })
    })
    this.exited.catch(() => {})
  }

  /** Whether it has ended. */
  get over(): boolean {
    return this.#over
  }

  /** Waits for a line on either stream; fails early when the program has ended without it. */
  async line(pattern: RegExp, timeoutMs: number): Promise<RegExpExecArray> {
    const found = await eventually<RegExpExecArray | 'ended'>(`a line like ${pattern}`, timeoutMs, () => {
      // In this order: the last lines come before the end is known.
      const over = this.#over
      for (const line of [...this.stdout, ...this.stderr]) {
        const match = pattern.exec(line)
        if (match !== null) return match
      }
      return over ? 'ended' : undefined
    }).catch(() => 'late' as const)
    if (typeof found !== 'string') return found
    throw new Error(`No line like ${pattern} (${found}). What there was:\n${this.tail()}`)
  }

  tail(): string {
    return [...this.stdout.slice(-SHOWN_LINES), ...this.stderr.slice(-SHOWN_LINES)].join('\n')
  }

  signal(name: NodeJS.Signals): void {
    process.kill(this.pid, name)
  }

  /** As a terminal does with Ctrl-C: to everybody in the group. */
  signalGroup(name: NodeJS.Signals): void {
    process.kill(-this.pid, name)
  }

  /** Ends what is left of it and of all that it has started. */
  async end(): Promise<void> {
    for (const { pid } of markedProcesses(this.mark)) killQuietly(pid)
    await this.exited.catch(() => {})
    await eventually('the end of all that the test has started', 5_000, () => {
      const left = markedProcesses(this.mark)
      for (const { pid } of left) killQuietly(pid)
      return left.length === 0 ? true : undefined
    })
  }
}

export function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended already.
  }
}

export function startProgram(command: readonly [string, ...string[]], options: ProgramOptions = {}): Program {
  const [file, ...args] = command
  const mark = newMark()
  const startedMs = performance.now()
  const child = spawn(file, args, {
    cwd: options.cwd ?? projectRoot,
    env: { ...cleanEnvironment(), ...options.env, [MARK_VARIABLE]: mark },
    detached: true,
    stdio: [options.input === undefined && options.stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  })
  child.stdin?.on('error', () => {})
  if (options.stdin === undefined) child.stdin?.end(options.input)
  return new Program(child, mark, startedMs)
}

/** The command line, as a user starts it: one entry, on the Node that runs the tests. */
export function startSelvedge(args: readonly string[], options: ProgramOptions = {}): Program {
  return startProgram([process.execPath, SELVEDGE, ...args], options)
}

/** Runs a command to its end; one that takes longer than `timeoutMs` is killed, and that is an error. */
export async function run(
  command: readonly [string, ...string[]],
  options: ProgramOptions & { readonly timeoutMs?: number } = {},
): Promise<Ran> {
  return ending(startProgram(command, options), options.timeoutMs)
}

export async function runSelvedge(
  args: readonly string[],
  options: ProgramOptions & { readonly timeoutMs?: number } = {},
): Promise<Ran> {
  return ending(startSelvedge(args, options), options.timeoutMs)
}

async function ending(program: Program, timeoutMs = 20_000): Promise<Ran> {
  const late = setTimeout(() => void program.end(), timeoutMs)
  try {
    const exit = await program.exited
    return { ...exit, stdout: text(program.stdout), stderr: text(program.stderr) }
  } finally {
    clearTimeout(late)
  }
}

function text(lines: readonly string[]): string {
  return lines.map(line => `${line}\n`).join('')
}

/** The test runner's own variables change how Node and colours behave; a user has none of them. */
function cleanEnvironment(): Record<string, string | undefined> {
  const foreign = /^(VITEST|NODE_|SELVEDGE_|TEST$|PROD$|DEV$|MODE$|BASE_URL$|SSR$|FORCE_COLOR$|(https?|no|all)_proxy$)/i
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !foreign.test(name)))
}
