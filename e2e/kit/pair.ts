import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryDir } from './mesh.ts'
import { freePorts } from './ports.ts'
import { type Program, runSelvedge, startSelvedge } from './program.ts'

const READY_MS = 30_000
const STARTS_MAX = 3

/** The service that callers ask for. */
export const PAIR_HOST = 'app.shop'

export interface PairWish {
  /** What applications say that they speak. */
  readonly protocol: 'http' | 'http2' | 'grpc' | 'tcp' | 'detect'
  /** Ports of the loopback, of as many instances of one service, each with a sidecar of its own. */
  readonly applications: readonly number[]
  /** More resources, as YAML. */
  readonly resources?: string
}

/** Sidecars in file mode, as processes: a caller's, and one for each instance of a service. */
export interface Pair {
  /** The caller's outbound port: an HTTP proxy, and requests by authority. */
  readonly outbound: number
  /** A listener of the caller's sidecar for the service alone. */
  readonly gateway: number
  /** The caller's first, then those of the instances. */
  readonly sidecars: readonly Program[]
  /** All metrics of the caller's sidecar. */
  metrics(): Promise<string>
  close(): Promise<void>
}

/** Ports that were free a moment ago may be taken: then other ones are tried. */
export async function startPair(wish: PairWish): Promise<Pair> {
  for (let left = STARTS_MAX - 1; ; left--) {
    try {
      return await startOnce(wish)
    } catch (thrown) {
      if (left === 0 || !String(thrown).includes('the port is in use')) throw thrown
    }
  }
}

async function startOnce({ protocol, applications, resources = '' }: PairWish): Promise<Pair> {
  const dir = temporaryDir()
  const file = join(dir, 'mesh.yaml')
  const inbound = await freePorts(applications.length)
  const instances = applications.map((port, i) => instance(i, port, protocol, inbound[i] ?? 0))
  writeFileSync(
    file,
    [service(protocol), caller(), ...instances, ...(resources === '' ? [] : [resources])].join('---\n'),
  )
  const made = await runSelvedge(['cert', 'init', join(dir, 'ca')])
  if (made.code !== 0) throw new Error(made.stderr)
  const common = ['sidecar', '--config', file, '--ca-dir', join(dir, 'ca'), '--admin-port', '0', '--metrics-port', '0']
  const sidecars: Program[] = []
  const close = async (): Promise<void> => {
    await Promise.all(sidecars.map(sidecar => sidecar.end()))
    rmSync(dir, { recursive: true, force: true })
  }
  try {
    const near = ['--workload', 'shop/caller', '--outbound-port', '0', '--inbound-port', '0', '--gateway', '0=app:80']
    sidecars.push(startSelvedge([...common, ...near]))
    for (const [i, port] of applications.entries()) {
      const far = ['--workload', `shop/app-${i}`, '--outbound-port', '0', '--inbound-port', String(inbound[i])]
      sidecars.push(startSelvedge([...common, ...far, '--port', `main=${port}/${protocol}`]))
    }
    const [ready] = await Promise.all(
      sidecars.map(sidecar => sidecar.line(/^selvedge sidecar ready (\{.*\})$/, READY_MS)),
    )
    const addresses = JSON.parse(ready?.[1] ?? '') as { outbound: string; metrics: string; gateways: string[] }
    const portOf = (address: string): number => Number(address.split(':').at(-1))
    return {
      outbound: portOf(addresses.outbound),
      gateway: portOf(addresses.gateways[0] ?? ''),
      sidecars,
      metrics: async () => (await fetch(`http://${addresses.metrics}/metrics`)).text(),
      close,
    }
  } catch (thrown) {
    await close()
    throw thrown
  }
}

function service(protocol: string): string {
  return `apiVersion: v1
kind: Service
metadata: { name: app, namespace: shop }
spec:
  selector: { app: app }
  ports: [{ name: main, port: 80, targetPort: main${protocol === 'detect' ? '' : `, appProtocol: ${protocol}`} }]
`
}

function caller(): string {
  return `apiVersion: selvedge.dev/v1
kind: Workload
metadata: { name: caller, namespace: shop }
spec: { address: 127.0.0.1, serviceAccount: caller, ports: [] }
`
}

function instance(i: number, port: number, protocol: string, inbound: number): string {
  return `apiVersion: selvedge.dev/v1
kind: Workload
metadata: { name: app-${i}, namespace: shop, labels: { app: app } }
spec:
  address: 127.0.0.1
  serviceAccount: app
  inboundPort: ${inbound}
  ports: [{ name: main, port: ${port}, protocol: ${protocol} }]
`
}
