import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { temporaryDir } from './mesh.ts'
import { type Program, runSelvedge, startProgram } from './program.ts'

const READY_MS = 15_000
const SELVEDGE = fileURLToPath(new URL('../../bin/selvedge.js', import.meta.url))
const WORKLOAD = `
apiVersion: selvedge.dev/v1
kind: Workload
metadata: { name: alone, namespace: shop }
spec: { address: 127.0.0.1, serviceAccount: alone, ports: [] }
`

export interface Page {
  readonly status: number
  readonly text: string
}

/** One sidecar in file mode, whose application calls what is outside the mesh: for what happens to a single process. */
export class LoneSidecar {
  readonly program: Program
  readonly ports: {
    readonly outbound: number
    readonly inbound: number
    readonly admin: number
    readonly metrics: number
  }
  readonly dir: string

  constructor(dir: string, program: Program, ports: LoneSidecar['ports']) {
    this.dir = dir
    this.program = program
    this.ports = ports
  }

  async page(path: string, port: number = this.ports.metrics): Promise<Page> {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
      headers: { connection: 'close' },
      signal: AbortSignal.timeout(5_000),
    })
    return { status: answer.status, text: await answer.text() }
  }

  /** The value of one series, by name and, where it has labels, those in the order of the exposition. */
  async metric(series: string): Promise<number> {
    const { text } = await this.page('/metrics')
    const line = text.split('\n').find(each => each.startsWith(`${series} `))
    if (line === undefined) throw new Error(`There is no ${series} in\n${text}`)
    return Number(line.slice(series.length + 1))
  }

  /** Messages of its log, each with its fields. */
  log(): readonly Readonly<Record<string, unknown>>[] {
    return this.program.stderr.map(line => JSON.parse(line) as Record<string, unknown>)
  }

  /** The number that the next file descriptor gets. Those that were inherited lie far above. */
  firstFreeDescriptor(): number {
    const open = new Set(readdirSync(`/proc/${this.program.pid}/fd`).map(Number))
    let free = 0
    while (open.has(free)) free++
    return free
  }

  residentBytes(): number {
    const status = readFileSync(`/proc/${this.program.pid}/status`, 'utf8')
    return Number(/^VmRSS:\s+([0-9]+) kB$/m.exec(status)?.[1]) * 1024
  }

  async close(): Promise<void> {
    await this.program.end()
    rmSync(this.dir, { recursive: true, force: true })
  }
}

/** `descriptors`: as many file descriptors as it may have, by `ulimit -n`. `env` comes on top of ours. */
export async function loneSidecar(
  flags: readonly string[],
  options: { readonly descriptors?: number; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<LoneSidecar> {
  const dir = temporaryDir()
  const file = join(dir, 'mesh.yaml')
  writeFileSync(file, WORKLOAD)
  const made = await runSelvedge(['cert', 'init', join(dir, 'ca')])
  if (made.code !== 0) throw new Error(made.stderr)
  const ports = ['outbound', 'inbound', 'admin', 'metrics'].flatMap(name => [`--${name}-port`, '0'])
  const args = [
    'sidecar',
    '--config',
    file,
    '--ca-dir',
    join(dir, 'ca'),
    '--workload',
    'shop/alone',
    ...ports,
    ...flags,
  ]
  const limit = options.descriptors === undefined ? 'true' : `ulimit -n ${options.descriptors}`
  const program = startProgram(['sh', '-c', `${limit} && exec "$0" "$@"`, process.execPath, SELVEDGE, ...args], {
    env: options.env ?? {},
  })
  try {
    const [, text = ''] = await program.line(/^selvedge sidecar ready (\{.*\})$/, READY_MS)
    const addresses = JSON.parse(text) as Record<keyof LoneSidecar['ports'], string>
    const port = (door: keyof LoneSidecar['ports']) => Number(addresses[door].split(':')[1])
    return new LoneSidecar(dir, program, {
      outbound: port('outbound'),
      inbound: port('inbound'),
      admin: port('admin'),
      metrics: port('metrics'),
    })
  } catch (thrown) {
    await program.end()
    rmSync(dir, { recursive: true, force: true })
    throw thrown
  }
}
