import { killQuietly, type Program, run, startProgram } from './program.ts'

/** What wrk saw. */
export interface Blasted {
  readonly requests: number
  /** Answers of 400 and above, and connections and answers that failed. */
  readonly failed: number
  readonly perSecond: number
  readonly said: string
}

export interface Blast {
  /** Port of the loopback that it calls. */
  readonly port: number
  /** Service that it asks for. */
  readonly host: string
  readonly path?: string
  readonly connections: number
}

/** A run that its caller ends. wrk has no "until told so". */
const LONG_S = 24 * 3_600
const TIMEOUT_S = 10
const ENDS_MS = TIMEOUT_S * 1_000 + 5_000

/** As many requests as the callee takes, until `stop`. */
export function startWrk(blast: Blast): { stop(): Promise<Blasted> } {
  const program: Program = startProgram(commandOf(blast, LONG_S))
  return {
    async stop() {
      program.signal('SIGINT')
      const late = setTimeout(() => killQuietly(program.pid), ENDS_MS)
      await program.exited
      clearTimeout(late)
      return reportOf(program.tail())
    },
  }
}

/** As many requests as the callee takes, for so long. */
export async function wrk(blast: Blast, seconds: number): Promise<Blasted> {
  const ran = await run(commandOf(blast, seconds), { timeoutMs: seconds * 1_000 + ENDS_MS })
  return reportOf(ran.stdout + ran.stderr)
}

function commandOf({ port, host, path = '/', connections }: Blast, seconds: number): [string, ...string[]] {
  const size = ['-t', '1', '-c', String(connections), '-d', `${seconds}s`, '--timeout', `${TIMEOUT_S}s`]
  return ['wrk', ...size, '-H', `Host: ${host}`, `http://127.0.0.1:${port}${path}`]
}

function reportOf(said: string): Blasted {
  const requests = /^ *([0-9]+) requests in /m.exec(said)
  if (requests === null)
    throw new Error(`Cannot read what wrk said. Install the Debian package wrk, or run .ci/run:\n${said}`)
  const refused = Number(/^ *Non-2xx or 3xx responses: ([0-9]+)/m.exec(said)?.[1] ?? 0)
  const socket = /^ *Socket errors: connect ([0-9]+), read ([0-9]+), write ([0-9]+), timeout ([0-9]+)/m.exec(said)
  const broken = socket === null ? 0 : socket.slice(1).reduce((sum, count) => sum + Number(count), 0)
  const perSecond = Number(/^Requests\/sec: +([0-9.]+)/m.exec(said)?.[1])
  return { requests: Number(requests[1]), failed: refused + broken, perSecond, said }
}
