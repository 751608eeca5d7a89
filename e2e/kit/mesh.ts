import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually } from './eventually.ts'
import { flagOf, type MarkedProcess, markedProcesses, roleOf } from './marked.ts'
import { type Program, type ProgramOptions, type Ran, runSelvedge, startSelvedge } from './program.ts'

const READY_MS = 40_000
const API = '/apis/selvedge.dev/v1'
/** The usual ports may be in use: somebody's own mesh runs beside the tests. */
export const FREE_PORTS = ['--rest-port', '0', '--enrolment-port', '0', '--discovery-port', '0', '--metrics-port', '0']

/** What this scenario looks at in the answers of the control plane; unknown fields are none of its business. */
export interface FleetMember {
  readonly workload: string
  readonly connected: boolean
  readonly since: number
  readonly ackedRevision: number
}

export interface Edge {
  readonly source: string
  readonly destination: string
  readonly requests: number
  readonly successRate: number
  readonly mtlsRate: number
}

/** A sidecar of the mesh, as its command line tells. */
export interface SidecarUnderTest {
  readonly pid: number
  readonly outbound: number
  readonly inbound: number
  readonly admin: number
  readonly metrics: number
  /** The program's. */
  readonly application: number | undefined
}

/** A mesh that `selvedge up` runs, in a folder of its own. */
export class Mesh {
  readonly dir: string
  readonly program: Program
  readonly contextFile: string
  #context: { server: string; token: string } | undefined

  constructor(dir: string, program: Program, contextFile: string) {
    this.dir = dir
    this.program = program
    this.contextFile = contextFile
  }

  async ready(): Promise<void> {
    await this.program.line(/the mesh is ready/, READY_MS)
  }

  /** Runs a command of the CLI in this mesh, and in its folder. */
  cli(args: readonly string[], options: Pick<ProgramOptions, 'input'> & { timeoutMs?: number } = {}): Promise<Ran> {
    return runSelvedge(args, { cwd: this.dir, env: { SELVEDGE_CONTEXT: this.contextFile }, ...options })
  }

  /** Writes resources to a file, and applies it until it is live. */
  async apply(yaml: string): Promise<Ran> {
    const file = this.write('applied.yaml', yaml)
    const ran = await this.cli(['apply', '-f', file, '--wait'])
    if (ran.code !== 0) throw new Error(`apply failed:\n${ran.stdout}${ran.stderr}`)
    return ran
  }

  write(name: string, text: string): string {
    const path = join(this.dir, name)
    writeFileSync(path, text)
    return path
  }

  /** What `up` has left for the other commands. */
  context(): { readonly server: string; readonly token: string } {
    this.#context ??= JSON.parse(readFileSync(this.contextFile, 'utf8')) as { server: string; token: string }
    return this.#context
  }

  async api<T>(path: string): Promise<T> {
    const { server, token } = this.context()
    const answer = await fetch(`${server}${API}${path}`, {
      headers: { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(5_000),
    })
    if (!answer.ok) throw new Error(`${path} answered ${answer.status}: ${await answer.text()}`)
    return (await answer.json()) as T
  }

  async fleet(): Promise<readonly FleetMember[]> {
    return (await this.api<{ sidecars: readonly FleetMember[] }>('/fleet')).sidecars
  }

  async edges(): Promise<readonly Edge[]> {
    return (await this.api<{ edges: readonly Edge[] }>('/graph?windowMs=0')).edges
  }

  processes(): MarkedProcess[] {
    return markedProcesses(this.program.mark)
  }

  controlPlane(): MarkedProcess {
    const found = this.processes().find(one => roleOf(one) === 'control-plane')
    if (found === undefined) throw new Error('There is no control plane')
    return found
  }

  /** @param workload `namespace/name` */
  sidecar(workload: string): SidecarUnderTest {
    const found = this.processes().find(one => roleOf(one) === 'sidecar' && flagOf(one, '--workload') === workload)
    if (found === undefined) throw new Error(`There is no sidecar of ${workload}`)
    const port = (flag: string): number => Number(flagOf(found, flag))
    const application = flagOf(found, '--port')?.split('=')[1]
    return {
      pid: found.pid,
      outbound: port('--outbound-port'),
      inbound: port('--inbound-port'),
      admin: port('--admin-port'),
      metrics: port('--metrics-port'),
      application: application === undefined ? undefined : Number(application),
    }
  }

  /** The program beside the sidecar of `workload`. */
  programOf(workload: string): MarkedProcess {
    const { application, outbound } = this.sidecar(workload)
    const found = this.processes().find(
      one =>
        roleOf(one) === undefined &&
        one.environment.PORT === (application === undefined ? undefined : String(application)) &&
        one.environment.HTTP_PROXY === `http://127.0.0.1:${outbound}`,
    )
    if (found === undefined) throw new Error(`There is no program of ${workload}`)
    return found
  }

  /** Endpoints of a service as the sidecar of `workload` sees them. */
  async endpoints(workload: string, service: string): Promise<number> {
    const answer = await fetch(`http://127.0.0.1:${this.sidecar(workload).admin}/endpoints`)
    const all = (await answer.json()) as readonly { destination: string; endpoints: readonly unknown[] }[]
    return all.find(({ destination }) => destination === service)?.endpoints.length ?? 0
  }

  /** Whether the program beside the sidecar of `workload` answers on its own port. */
  async answers(workload: string): Promise<boolean> {
    const { application } = this.sidecar(workload)
    return (await fetch(`http://127.0.0.1:${application}/`)).ok
  }

  /** Ends the mesh as a user would, and removes what is left. Throws when it has left a process behind. */
  async stop(): Promise<void> {
    try {
      this.program.signal('SIGTERM')
      await Promise.race([this.program.exited, late(5_000)])
      await eventually('nobody is left of the mesh', 3_000, () => (this.processes().length === 0 ? true : undefined))
    } finally {
      await this.program.end()
      rmSync(this.dir, { recursive: true, force: true })
    }
  }
}

/** Starts a mesh of the given resources and waits until it is ready. */
export async function startMesh(yaml: string, flags: readonly string[] = []): Promise<Mesh> {
  const dir = temporaryDir()
  const file = join(dir, 'mesh.yaml')
  writeFileSync(file, yaml)
  return beginMesh(dir, [file, ...flags])
}

/** Starts the bookshop and waits until it is ready. */
export function startBookshop(flags: readonly string[] = []): Promise<Mesh> {
  return beginMesh(temporaryDir(), flags)
}

async function beginMesh(dir: string, args: readonly string[]): Promise<Mesh> {
  const contextFile = join(dir, 'context.json')
  const program = startSelvedge(['up', ...args, ...FREE_PORTS, '--context', contextFile], { cwd: dir })
  const mesh = new Mesh(dir, program, contextFile)
  try {
    await mesh.ready()
    return mesh
  } catch (thrown) {
    await program.end()
    rmSync(dir, { recursive: true, force: true })
    throw thrown
  }
}

export function temporaryDir(): string {
  return mkdtempSync(join(tmpdir(), 'selvedge-e2e-'))
}

function late(ms: number): Promise<never> {
  return new Promise((_, reject) => {
    setTimeout(() => reject(new Error(`The mesh has not ended within ${ms} ms`)), ms).unref()
  })
}
