import { programPath } from './caller.ts'
import type { Capture } from './capture.ts'
import { makeCa, startApplication, startIntercepting } from './intercepted.ts'
import { type TwoHosts, twoHosts } from './namespaces.ts'
import { type Program, projectRoot, run } from './program.ts'
import { needServers, startMariadb, startPostgres, startRedis, startSmtp, startTls } from './real-servers.ts'

/** The port that says what is spoken there, the port that says nothing, and where the program listens for either. */
interface Ports {
  readonly says: string
  readonly declared: number
  readonly detected: number
  readonly listens: readonly [number, number]
}

export const SERVICES = {
  redis: { says: 'redis', declared: 6379, detected: 6380, listens: [6379, 6380] },
  postgres: { says: 'postgresql', declared: 5432, detected: 5433, listens: [5432, 5432] },
  mariadb: { says: 'mysql', declared: 3306, detected: 3307, listens: [3306, 3306] },
  smtp: { says: 'smtp', declared: 25, detected: 2525, listens: [2525, 2525] },
  web: { says: 'http', declared: 80, detected: 8080, listens: [9080, 9081] },
  socket: { says: 'kubernetes.io/ws', declared: 80, detected: 8080, listens: [9090, 9091] },
  tls: { says: 'https', declared: 443, detected: 8443, listens: [9443, 9443] },
  // Its servers say where they listen.
  grpc: { says: 'grpc', declared: 50_051, detected: 50_052, listens: [0, 0] },
} satisfies Record<string, Ports>
export type Service = keyof typeof SERVICES
export type Way = 'declared' | 'detected'
export const WAYS = ['declared', 'detected'] as const
/** What `selvedge_detection_total` says. */
type Found = 'http1' | 'http2' | 'tls' | 'opaque' | 'server-first'

/** Two hosts, each with a sidecar; on the second, one real server after another. */
export interface RealMesh {
  readonly hosts: TwoHosts
  readonly sidecars: readonly Program[]
  /** From the first packet between the hosts on. */
  readonly wire: Capture
  readonly smtp: Program
  /** Where gRPC's two servers listen. */
  readonly grpc: readonly [number, number]
  /** A Python that has grpcio. */
  readonly grpcPython: string
}

/** Throws, in words, where a program is missing. */
export async function startRealMesh(): Promise<RealMesh> {
  await needServers()
  const grpcPython = await prepareGrpc()
  const hosts = await twoHosts()
  try {
    const { a, b } = hosts
    const [ca, servers] = await Promise.all([makeCa(hosts), startServers(hosts)])
    const wire = await b.capture('wire.pcap')
    const resources = resourcesOf({ hosts, grpc: servers.grpc })
    const sidecars = await Promise.all([
      startIntercepting(a, ca, { workload: 'shop/client-1', resources }),
      startIntercepting(b, ca, { workload: 'shop/all-1', resources }),
    ])
    const names = Object.keys(SERVICES) as Service[]
    await a.names(names.flatMap(name => [`${addressesOf(name)[0]} ${name}`, `${addressesOf(name)[1]} ${name}6`]))
    return { hosts, sidecars, wire, grpcPython, ...servers }
  } catch (thrown) {
    await hosts.end()
    throw thrown
  }
}

async function prepareGrpc(): Promise<string> {
  const prepared = await run(['sh', `${projectRoot}e2e/grpc/prepare.sh`], { timeoutMs: 90_000 })
  if (prepared.code !== 0)
    throw new Error(`Cannot make Python's grpcio: ${prepared.stderr}. Run: apt-get install python3-venv`)
  return prepared.stdout.trim()
}

function addressesOf(service: Service): readonly [string, string] {
  const last = Object.keys(SERVICES).indexOf(service) + 1
  return [`10.96.1.${last}`, `fd96:1::${last}`]
}

/** The mesh as both sidecars know it. */
export function resourcesOf(
  { hosts, grpc }: Pick<RealMesh, 'hosts' | 'grpc'>,
  mtls: 'strict' | 'permissive' = 'strict',
): string {
  const ports: Readonly<Record<Service, Ports>> = { ...SERVICES, grpc: { ...SERVICES.grpc, listens: grpc } }
  const services = (Object.keys(SERVICES) as Service[]).map(name => {
    const { says, declared, detected, listens } = ports[name]
    return `
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: shop }
spec:
  selector: { app: all }
  clusterIP: ${addressesOf(name)[0]}
  clusterIPs: [${addressesOf(name)[0]}, "${addressesOf(name)[1]}"]
  ports:
    - { name: declared, port: ${declared}, targetPort: ${listens[0]}, appProtocol: ${says} }
    - { name: detected, port: ${detected}, targetPort: ${listens[1]} }
---`
  })
  const listening = [...new Set(Object.values(ports).flatMap(({ listens }) => listens))]
  const workload = (name: string, address: string, appPorts: readonly number[]) => `
apiVersion: selvedge.dev/v1
kind: Workload
metadata: { name: ${name}-1, namespace: shop, labels: { app: ${name} } }
spec:
  address: ${address}
  serviceAccount: ${name}
  inboundPort: 15006
  ports: [${appPorts.map(port => `{ port: ${port} }`).join(', ')}]
---`
  return [
    ...services,
    workload('all', hosts.b.address, listening),
    workload('client', hosts.a.address, []),
    '\napiVersion: selvedge.dev/v1\nkind: MeshPolicy',
    `metadata: { name: default, namespace: selvedge-system }\nspec: { mtls: ${mtls} }\n`,
  ].join('\n')
}

async function startServers({ b }: TwoHosts): Promise<Pick<RealMesh, 'smtp' | 'grpc'>> {
  const node = (program: string, port: number) =>
    startApplication(b, [process.execPath, programPath(program)], /listens/, { NAME: 'web', PORT: String(port) })
  const startGrpc = async () => {
    const program = b.start([process.execPath, programPath('grpc-server.ts')])
    return Number((await program.line(/listens at ([0-9]+)/, 15_000))[1])
  }
  const [grpc, smtp] = await Promise.all([
    Promise.all([startGrpc(), startGrpc()]),
    startSmtp(b, 2525),
    startRedis(b, 6379),
    startRedis(b, 6380),
    startPostgres(b, 5432),
    startMariadb(b, 3306),
    startTls(b, 9443),
    ...[9080, 9081].map(port => node('echo.ts', port)),
    ...[9090, 9091].map(port => node('web-socket-server.ts', port)),
  ])
  return { grpc, smtp }
}

/** What the sidecars must have counted in the end. */
export class Expected {
  readonly connections: Partial<Record<Service, number>> = {}
  readonly requests: Partial<Record<Service, number>> = {}
  readonly detections: Partial<Record<Found, number>> = {}
  /** Connections that were made ahead of a silent caller's first word, which was HTTP's: only the far end has seen them. */
  trials = 0

  /** Notes what the next connections are to be counted as. */
  of(service: Service, way: Way, found: Found, count = 1, ofRequests = count): void {
    const isHttp = found === 'http1' || found === 'http2'
    const tally = isHttp ? this.requests : this.connections
    tally[service] = (tally[service] ?? 0) + (isHttp ? ofRequests : count)
    // Bytes that are declared are not looked at; of HTTP the version is found out, however it is known.
    if (way === 'detected' || isHttp) this.detections[found] = (this.detections[found] ?? 0) + count
  }
}
