import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A program that was started, and how to reach what it said. */
export interface Program {
  readonly pid: number
  /** The last of what it wrote, for the message when it fails. */
  readonly output: () => string
  readonly hasEnded: () => boolean
}

/** How much of a program's output is kept: its last words tell why it died. */
const OUTPUT_CHARACTERS_MAX = 8_192
/** Ended programs get this long to leave by themselves. */
const STOP_TIMEOUT_MS = 2_000

/** One directory for all files, and every program that was started: both are gone when it is closed. */
export class Workspace {
  readonly dir = mkdtempSync(join(tmpdir(), 'selvedge-bench-'))
  readonly #children = new Set<ChildProcess>()
  #closed = false

  /** Writes a file that only we can read, and returns its path. */
  write(name: string, text: string): string {
    const path = join(this.dir, name)
    writeFileSync(path, text, { mode: 0o600 })
    return path
  }

  /** Starts a program on some cores. Its files are its own business; its end is ours. */
  start(cores: string, command: string, args: readonly string[]): Program {
    this.#checkOpen()
    const [file, ...rest] = pinned(cores, command, args)
    const child = spawn(file, rest, { stdio: ['ignore', 'pipe', 'pipe'], cwd: this.dir })
    let output = ''
    let ended = false
    const keep = (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-OUTPUT_CHARACTERS_MAX)
    }
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
    child.on('error', error => {
      ended = true
      output += `Cannot start ${command}: ${error.message}`
    })
    child.on('exit', () => {
      ended = true
      this.#children.delete(child)
    })
    this.#children.add(child)
    return { pid: child.pid ?? 0, output: () => output.trim(), hasEnded: () => ended }
  }

  /** Runs a program to its end and returns its stdout; rejects when it fails, or doesn't end in time. */
  async run(cores: string, command: string, args: readonly string[], limitMs: number): Promise<string> {
    this.#checkOpen()
    const [file, ...rest] = pinned(cores, command, args)
    const child = spawn(file, rest, { stdio: ['ignore', 'pipe', 'pipe'], cwd: this.dir })
    this.#children.add(child)
    let stdout = ''
    let stderr = ''
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk.toString()
    })
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString()
    })
    let late = false
    const limit = setTimeout(() => {
      late = true
      child.kill('SIGKILL')
    }, limitMs)
    const [code] = await once(child, 'close')
    clearTimeout(limit)
    this.#children.delete(child)
    if (late) throw new Error(`Cannot wait for ${command}: it has not ended after ${limitMs / 1_000} s`)
    if (code !== 0)
      throw new Error(`Cannot run ${command}: it ended with status ${code}. ${stderr.trim() || stdout.trim()}`)
    return stdout
  }

  /** Asks one program to end; `close` sees to it that it does. */
  stop(program: Program): void {
    for (const child of this.#children) if (child.pid === program.pid) child.kill('SIGTERM')
  }

  /** Ends every program and removes every file. Safe to call twice. */
  async close(): Promise<void> {
    this.#closed = true
    const children = [...this.#children]
    for (const child of children) child.kill('SIGTERM')
    const gone = Promise.all(children.map(child => (child.exitCode === null ? once(child, 'exit') : undefined)))
    await Promise.race([gone, new Promise(resolve => setTimeout(resolve, STOP_TIMEOUT_MS).unref())])
    for (const child of this.#children) child.kill('SIGKILL')
    rmSync(this.dir, { recursive: true, force: true })
  }

  /** After Ctrl-C nothing may be started any more: nobody would end it. */
  #checkOpen(): void {
    if (this.#closed) throw new Error('Cannot start a program: the bench is ending')
  }
}

/** A port that was free a moment ago: the peers can't tell us where they listen. */
export async function freePort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('Cannot find a free port: the system gave none')
  return address.port
}

/** Where a command lies on the PATH (and in sbin, where Debian keeps servers), or undefined. */
export function findCommand(name: string): string | undefined {
  const found = spawnSync('sh', ['-c', 'PATH="$PATH:/usr/sbin:/sbin" command -v "$0"', name], { encoding: 'utf8' })
  return found.status === 0 ? found.stdout.trim() : undefined
}

const taskset = findCommand('taskset')

function pinned(cores: string, command: string, args: readonly string[]): [string, ...string[]] {
  return taskset === undefined ? [command, ...args] : [taskset, '-c', cores, command, ...args]
}
