import { spawn } from 'node:child_process'
import { statSync } from 'node:fs'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import type { Guard } from './guard.ts'

/** How a process ended. */
export interface Exit {
  readonly code: number | null
  readonly signal: string | null
}

/** One operating-system process with all that it started: it leads a process group of its own. */
export interface Child {
  readonly pid: number
  /** What its ready line says; for a program that has no such line, at once `undefined`. Never settles when it dies before. */
  readonly ready: Promise<unknown>
  /** When the leader has ended. */
  readonly exited: Promise<Exit>
  /** Sends a signal to the whole group; one that is gone is no error. */
  signal(name: 'SIGTERM' | 'SIGKILL'): void
  /** Whether anybody of the group still lives. */
  alive(): boolean
}

export interface LaunchSpec {
  readonly command: readonly [string, ...string[]]
  readonly cwd?: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** The line on stdout that begins like this carries JSON and means ready; it is not shown. */
  readonly readyPrefix?: string
  readonly onLine: (line: string, stream: 'stdout' | 'stderr') => void
  readonly guard: Guard
}

/** Starts a process. Rejects when the system can't start it (no such command, no such folder). */
export function launch(spec: LaunchSpec): Promise<Child> {
  const [file, ...args] = spec.command
  const child = spawn(file, args, {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...spec.env },
    ...(spec.cwd === undefined ? {} : { cwd: spec.cwd }),
  })
  const { promise: ready, resolve: resolveReady } = Promise.withResolvers<unknown>()
  if (spec.readyPrefix === undefined) resolveReady(undefined)
  forEachLine(child.stdout, line => {
    const prefix = spec.readyPrefix
    if (prefix !== undefined && line.startsWith(prefix)) resolveReady(parseReady(line.slice(prefix.length)))
    else spec.onLine(line, 'stdout')
  })
  forEachLine(child.stderr, line => spec.onLine(line, 'stderr'))

  return new Promise((resolve, reject) => {
    child.once('error', error =>
      reject(cwdIsMissing(spec.cwd) ? new Error(`its folder ${spec.cwd} is not there`) : error),
    )
    child.once('spawn', () => {
      const pid = child.pid
      if (pid === undefined) return reject(new Error(`${file} has no process id`))
      spec.guard.add(pid)
      const exited = new Promise<Exit>(settle => child.once('exit', (code, signal) => settle({ code, signal })))
      void exited.then(() => closeOutput(child.stdout, child.stderr))
      resolve({ pid, ready, exited, signal: name => signalGroup(pid, name), alive: () => signalGroup(pid, 0) })
    })
  })
}

/** The system says of both that "there is no such file", and names the command. */
function cwdIsMissing(cwd: string | undefined): boolean {
  return cwd !== undefined && !statSync(cwd, { throwIfNoEntry: false })?.isDirectory()
}

function forEachLine(stream: Readable, onLine: (line: string) => void): void {
  createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY }).on('line', onLine)
}

/** Time to read what the process wrote last. */
const LAST_LINES_MS = 250

/** Who has left the group (a daemon of the program's) may hold the other end of a pipe for ever, and this program with it. */
function closeOutput(...streams: readonly Readable[]): void {
  setTimeout(() => {
    for (const stream of streams) stream.destroy()
  }, LAST_LINES_MS)
}

function parseReady(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    return undefined
  }
}

/** Whether there was anybody to receive it. */
function signalGroup(leader: number, signal: 'SIGTERM' | 'SIGKILL' | 0): boolean {
  try {
    process.kill(-leader, signal)
    return true
  } catch {
    return false
  }
}
