import { join } from 'node:path'
import { APPLICATION_ID, type Host, SIDECAR_ID, type TwoHosts } from './namespaces.ts'
import { type Program, runSelvedge } from './program.ts'

const READY_MS = 15_000

/** What stands beside the applications of one host. */
export interface Intercepting {
  /** Namespace and name of the Workload in the resources. */
  readonly workload: string
  /** The resources of the mesh, in file mode. */
  readonly resources: string
  /** More flags for the sidecar. */
  readonly flags?: readonly string[]
  /** More flags for `selvedge intercept install`. */
  readonly rules?: readonly string[]
  /** Who runs the sidecar. @default SIDECAR_ID */
  readonly id?: number
}

/** Makes the CA of the mesh, in the first host's folder; sidecars of both may read it. */
export async function makeCa({ a }: TwoHosts): Promise<string> {
  const dir = join(a.dir, 'ca')
  const made = await runSelvedge(['cert', 'init', dir])
  if (made.code !== 0) throw new Error(made.stderr)
  await a.must(['chown', '-R', `${SIDECAR_ID}:${SIDECAR_ID}`, dir])
  return dir
}

/**
 * Starts a sidecar in file mode under a user of its own, and then has the kernel send it all connections of the host. Its resources lie in
 * `mesh.yaml` of the host's folder, and are watched there.
 */
export async function startIntercepting(host: Host, caDir: string, given: Intercepting): Promise<Program> {
  const file = host.write('mesh.yaml', given.resources)
  const sidecar = host.startSelvedge(
    [
      ...['sidecar', '--config', file, '--ca-dir', caDir, '--workload', given.workload],
      ...['--intercept', 'redirect', '--inbound-host', host.address, ...(given.flags ?? [])],
    ],
    { id: given.id ?? SIDECAR_ID },
  )
  await sidecar.line(/^selvedge sidecar ready/, READY_MS)
  const installed = await host.selvedge(['intercept', 'install', ...(given.rules ?? [])])
  if (installed.code !== 0) throw new Error(`Cannot install the rules on ${host.name}: ${installed.stderr}`)
  return sidecar
}

/** Starts a program as an application's user, and waits for the line that says that it is there. */
export async function startApplication(
  host: Host,
  command: readonly string[],
  ready: RegExp,
  env: Readonly<Record<string, string>> = {},
): Promise<Program> {
  const program = host.start(command, { id: APPLICATION_ID, env })
  await program.line(ready, READY_MS)
  return program
}

/** Runs a client to its end, as an application's user; one that fails is an error. */
export function asApplication(host: Host, command: readonly string[], input?: string): Promise<string> {
  return host.must(command, { id: APPLICATION_ID, ...(input === undefined ? {} : { input }) })
}

/** The value of a metric of the host's sidecar, without labels or with those of the exposition; 0 where there is none yet. */
export async function metricOf(host: Host, series: string): Promise<number> {
  const text = await host.must(['curl', '-sS', '--max-time', '5', 'http://127.0.0.1:15020/metrics'])
  const line = text.split('\n').find(each => each.startsWith(`${series} `))
  return line === undefined ? 0 : Number(line.slice(series.length + 1))
}

/** The sum of a metric of the host's sidecar over all series that have these labels. The page is made at most once a second. */
export async function sumOf(host: Host, name: string, labels: Readonly<Record<string, string>>): Promise<number> {
  const text = await host.must(['curl', '-sS', '--max-time', '5', 'http://127.0.0.1:15020/metrics'])
  const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`)
  return text
    .split('\n')
    .filter(line => line.startsWith(`${name}{`) && wanted.every(each => line.includes(each)))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0)
}

/** What is wrong with the wire, if packets that crossed it hold anything but TLS records, or any of these words; empty: nothing. */
export function notTls(packets: readonly Buffer[], words: readonly string[]): readonly string[] {
  const carried = packets.filter(packet => packet.length > 0)
  const all = Buffer.concat(carried).toString('latin1')
  const begins = carried.filter(isClientHello)
  return [
    ...(begins.length === 0 ? ['no TLS handshake was seen: the capture has missed the traffic'] : []),
    ...words.filter(word => all.includes(word)).map(word => `"${word}" was seen in plaintext`),
  ]
}

/** RFC 8446, 5.1 and 4: a handshake record (22) that begins with a ClientHello (1). */
function isClientHello(packet: Buffer): boolean {
  return packet.length > 6 && packet.readUInt8(0) === 22 && packet.readUInt8(1) === 3 && packet.readUInt8(5) === 1
}
