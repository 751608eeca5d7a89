import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { vi } from 'vitest'
import { initCaDir } from '../../certs/mod.ts'
import { type TrustDomain, workloadKey } from '../../common/mod.ts'
import type { Protocol } from '../../model/snapshot/mod.ts'
import { type Sidecar, type StartOptions, startSidecar } from '../../sidecar/app.ts'
import type { SidecarConfig } from '../../sidecar/config.ts'
import { ask } from './client.ts'
import { type Resource, textOf, workload } from './resources.ts'

export const TRUST_DOMAIN = 'mesh.test' as TrustDomain
export const NAMESPACE = 'shop'

/** Several whole sidecars in this process, in file mode, with one CA. */
export interface Mesh {
  readonly caDir: string
  sidecar(name: string, wish?: SidecarWish): Promise<SidecarUnderTest>
  /** Registers what ends with the mesh, before the sidecars. */
  with<Ended extends { close(): unknown }>(ended: Promise<Ended>): Promise<Ended>
  close(): Promise<void>
}

export interface SidecarWish {
  /** The port of the application beside it. */
  readonly port?: number
  /** What the application says that it speaks. @default http */
  readonly protocol?: Protocol
  readonly labels?: Readonly<Record<string, string>>
  /** What its file holds besides its own workload. */
  readonly resources?: readonly Resource[]
  readonly config?: Partial<SidecarConfig>
  readonly options?: StartOptions
}

export interface SidecarUnderTest {
  readonly sidecar: Sidecar
  readonly outbound: number
  readonly inbound: number
  readonly metrics: number
  /** Its workload as others should know it, with the inbound port. */
  readonly workload: Resource
  readonly path: string
  readonly config: SidecarConfig
  /** Puts other resources beside its workload, and waits until they are in force. */
  edit(...resources: readonly Resource[]): Promise<void>
  /** An admin page. */
  page(path: string): Promise<string>
  endpoints(): Promise<readonly DestinationView[]>
  /** JSON lines of its log up to now; those of the access log come after a second, or at its end. */
  log(): readonly Readonly<Record<string, unknown>>[]
}

/** What `/endpoints` says of one destination. */
export interface DestinationView {
  readonly destination: string
  readonly endpoints: readonly {
    readonly address: string
    readonly ejected: boolean
    readonly pending: number
    readonly connections: number
    readonly mtls: boolean
  }[]
  readonly breaker: { readonly requests: number; readonly pending: number; readonly connections: number }
  readonly open: boolean
  readonly budgetRatio: number
}

export function startMesh(): Mesh {
  const dir = mkdtempSync(join(tmpdir(), 'selvedge-mesh-'))
  const caDir = join(dir, 'ca')
  const ca = initCaDir(caDir, { trustDomain: TRUST_DOMAIN, nowMs: Date.now() })
  if (!ca.ok) throw new Error(ca.error)
  const sidecars: Sidecar[] = []
  const logFds: number[] = []
  const others: { close(): unknown }[] = []
  return {
    caDir,
    sidecar: async (name, wish = {}) => {
      const folder = join(dir, name)
      mkdirSync(folder)
      const started = await startOne(folder, caDir, name, wish, logFds)
      sidecars.push(started.sidecar)
      return started
    },
    with: async promise => {
      const ended = await promise
      others.push(ended)
      return ended
    },
    close: async () => {
      await Promise.all(others.map(other => other.close()))
      await Promise.all(sidecars.map(sidecar => sidecar.close()))
      // Sockets that end with their sidecar may still have something to say of it.
      await new Promise(resolve => setTimeout(resolve, 20))
      for (const fd of logFds) closeSync(fd)
      rmSync(dir, { recursive: true })
    },
  }
}

async function startOne(
  folder: string,
  caDir: string,
  name: string,
  wish: SidecarWish,
  logFds: number[],
): Promise<SidecarUnderTest> {
  const { port, protocol = 'http', labels = {}, resources = [], config, options } = wish
  const path = join(folder, 'mesh.yaml')
  const logPath = join(folder, 'log')
  const logFd = openSync(logPath, 'a')
  logFds.push(logFd)
  const own = workload(name, { labels, ...(port === undefined ? {} : { port, protocol }) })
  writeFileSync(path, textOf([own, ...resources]))
  const whole = { ...configOf(name, path, caDir, port), ...config }
  const started = await startSidecar(whole, '0.0.0-test', { logFd, ...options })
  if (!started.ok) throw new Error(started.error)
  const sidecar = started.value
  const { outbound, inbound, admin, metrics } = sidecar.addresses
  let closing: Promise<void> | undefined
  const page = async (pagePath: string) => (await ask(portOf(admin), pagePath)).body
  return {
    sidecar: {
      ...sidecar,
      close: () => {
        closing ??= sidecar.close()
        return closing
      },
    },
    outbound: portOf(outbound),
    inbound: portOf(inbound),
    metrics: portOf(metrics),
    workload: workload(name, {
      labels,
      ...(port === undefined ? {} : { port, protocol }),
      inboundPort: portOf(inbound),
    }),
    path,
    config: whole,
    edit: async (...next) => {
      const before = revisionOf(await page('/config'))
      writeFileSync(path, textOf([own, ...next]))
      await until(async () => revisionOf(await page('/config')) !== before)
    },
    page,
    endpoints: async () => JSON.parse(await page('/endpoints')) as DestinationView[],
    log: () =>
      readFileSync(logPath, 'utf8')
        .split('\n')
        .filter(line => line !== '')
        .map(line => JSON.parse(line) as Record<string, unknown>),
  }
}

function configOf(name: string, path: string, caDir: string, port: number | undefined): SidecarConfig {
  return {
    workload: workloadKey(NAMESPACE, name),
    namespace: NAMESPACE,
    source: { kind: 'file', path, caDir },
    host: '127.0.0.1',
    inboundHost: '127.0.0.1',
    metricsHost: '127.0.0.1',
    applicationHost: '127.0.0.1',
    probes: new Map(),
    application: port === undefined ? [] : [{ name: 'http', port, protocol: 'http' }],
    labels: {},
    zone: '',
    ports: { outbound: 0, inbound: 0, admin: 0, metrics: 0 },
    intercept: 'none',
    gateways: [],
    gatewayCredentials: undefined,
    drainTimeoutMs: 5_000,
    drainOutbound: 'exchanges',
    leafLifeMs: 3_600_000,
    forgetAfterMs: 600_000,
    stateDir: undefined,
    memoryMaxBytes: undefined,
    connectionsMax: 16_384,
    workers: 1,
    accessLog: false,
    logLevel: 'info',
  }
}

export function portOf(address: string): number {
  return Number(address.slice(address.lastIndexOf(':') + 1))
}

function revisionOf(config: string): string {
  return (JSON.parse(config) as { revision: string }).revision
}

/** Waits until it holds; what it throws or is false at the end of five seconds fails the test. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  await vi.waitFor(
    async () => {
      if (!(await holds())) throw new Error(`Never came true: ${holds.toString()}`)
    },
    { timeout: 5_000, interval: 10 },
  )
}
