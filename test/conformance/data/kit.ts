import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Program, startSelvedge } from '../../../e2e/kit/program.ts'

const START_MS = 30_000
const ANSWER_MS = 20_000

/** Everything that the control plane itself chooses: nothing here depends on a fixed port or on the machine's mesh. */
const FREE_PORTS = ['rest', 'enrolment', 'discovery', 'metrics'].flatMap(name => [`--${name}-port`, '0'])

export interface Answer {
  readonly code: number
  readonly json: Json
}

export interface Json {
  readonly [key: string]: unknown
  readonly message?: string
  readonly revision?: number
  readonly metadata?: Readonly<Record<string, unknown>>
  readonly items?: readonly Json[]
}

/** A control plane as a process of its own, as it is started in production. */
export interface PlaneProcess {
  readonly program: Program
  readonly rest: string
  readonly addresses: Readonly<Record<string, string>>
  call(method: string, path: string, body?: unknown): Promise<Answer>
  /** SIGKILL: it has no time for a last word. */
  kill(): Promise<void>
}

export async function startPlane(dataDir: string, ...flags: readonly string[]): Promise<PlaneProcess> {
  const program = startPlaneProgram(dataDir, ...flags)
  const [, text = ''] = await program.line(/^selvedge control-plane ready (.*)$/, START_MS)
  const addresses = JSON.parse(text) as Record<string, string>
  const rest = String(addresses.rest)
  const token = readFileSync(String(addresses.tokenFile), 'utf8').trim()
  return {
    program,
    rest,
    addresses,
    async call(method, path, body) {
      const response = await fetch(`${rest}${path}`, {
        method,
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        signal: AbortSignal.timeout(ANSWER_MS),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      return { code: response.status, json: (await response.json()) as Json }
    },
    async kill() {
      program.signal('SIGKILL')
      await program.exited
    },
  }
}

/** For starts that are to be refused: the caller waits for its end. */
export function startPlaneProgram(dataDir: string, ...flags: readonly string[]): Program {
  return startSelvedge(['control-plane', '--data-dir', dataDir, '--log-level', 'warn', ...FREE_PORTS, ...flags])
}

/** The one sentence with which a control plane refuses to start. */
export async function refusalOf(dataDir: string, ...flags: readonly string[]): Promise<string> {
  const program = startPlaneProgram(dataDir, ...flags)
  const { code } = await program.exited
  if (code !== 1) throw new Error(`It ended with ${code}:\n${program.tail()}`)
  return program.stderr.join('\n')
}

export interface Scratch {
  readonly path: string
  remove(): void
}

export function scratch(): Scratch {
  const path = mkdtempSync(join(tmpdir(), 'selvedge-data-'))
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}

/** A service that carries a number in a label, which tells its states apart. */
export function service(name: string, value: number): Json {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'shop', labels: { app: name, value: String(value) } },
    spec: { selector: { app: name }, ports: [{ name: 'http', port: 80 }] },
  }
}

export const SERVICES = '/api/v1/namespaces/shop/services'
export const APPLY = '/apis/selvedge.dev/v1/apply'
export const DELETE = '/apis/selvedge.dev/v1/delete'
