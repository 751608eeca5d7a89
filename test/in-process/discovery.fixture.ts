import { err, ok, systemClock, systemRandom, workloadKey } from '../../common/mod.ts'
import type { SnapshotProblem, SnapshotUpdate } from '../../model/snapshot/mod.ts'
import { type Registration, type StreamSource, streamSource } from '../../sidecar/discovery/mod.ts'
import { type Identity, localIdentity } from '../../sidecar/identity/mod.ts'
import { type ControlPlaneUnderTest, must, startControlPlane, temporaryDir } from './control-plane.ts'

/** A sink that keeps what it is given, and refuses what it is told to. */
export class Sink {
  readonly updates: SnapshotUpdate[] = []
  refuses: ((update: SnapshotUpdate) => SnapshotProblem | undefined) | undefined

  apply(update: SnapshotUpdate) {
    const problem = this.refuses?.(update)
    if (problem !== undefined) return err([problem])
    this.updates.push(update)
    return ok(undefined)
  }
  services(): string[] {
    return this.updates.flatMap(update => update.services.map(service => service.key))
  }
  absent(): string[] {
    return this.updates.flatMap(update => update.absent)
  }
  /** The newest rules of a service. */
  service(key: string) {
    return this.updates.flatMap(update => update.services.filter(service => service.key === key)).at(-1)
  }
  endpoints(key: string): string[] {
    const last = this.updates.flatMap(update => update.endpoints.filter(one => one.service === key)).at(-1)
    return last?.endpoints.map(endpoint => endpoint.workload) ?? []
  }
}

/** A resource as it is stored. */
export interface Content extends Readonly<Record<string, unknown>> {
  readonly kind: string
  readonly metadata: { readonly name: string; readonly namespace: string }
}

export function service(name: string, port = 80): Content {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'bookshop', labels: {} } as Content['metadata'],
    spec: { selector: { app: name }, ports: [{ name: 'http', port, targetPort: 8080, appProtocol: 'http' }] },
  }
}

/** A route of `reviews`, with one rule that sends to `backend`. */
export function routeTo(backend: string) {
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'HTTPRoute',
    metadata: { name: 'canary', namespace: 'bookshop', labels: {} },
    spec: {
      parentRefs: [{ group: '', kind: 'Service', name: 'reviews' }],
      rules: [{ backendRefs: [{ name: backend, port: 80 }] }],
    },
  }
}

/** An instance of `reviews` that a user wrote. */
export function workload(name: string, address = '10.0.0.1'): Content {
  return {
    apiVersion: 'selvedge.dev/v1',
    kind: 'Workload',
    metadata: { name, namespace: 'bookshop', labels: { app: 'reviews' } } as Content['metadata'],
    spec: { address, ports: [{ port: 8080 }], inboundPort: 15_006, serviceAccount: 'reviews' },
  }
}

export interface SidecarWish {
  /** Whose certificate it shows; its own, unless said otherwise. */
  readonly as?: string
  readonly identity?: Identity
  readonly instance?: number
  readonly ready?: boolean
  /** Where it thinks that the control plane is. */
  readonly address?: string
  readonly stateDir?: string
}

/** A control plane with sidecars' streams, in one process, over real mTLS. */
export class DiscoveryBench {
  readonly dir: ReturnType<typeof temporaryDir>
  controlPlane: ControlPlaneUnderTest
  readonly #closing: (() => Promise<void> | void)[] = []
  readonly #identities = new Map<string, Identity>()

  private constructor(controlPlane: ControlPlaneUnderTest, dir: ReturnType<typeof temporaryDir>) {
    this.controlPlane = controlPlane
    this.dir = dir
  }

  static async start(): Promise<DiscoveryBench> {
    const dir = temporaryDir()
    return new DiscoveryBench(await startControlPlane(dir.path), dir)
  }

  /** The same data folder and port, another life. `between` runs while there is none. */
  async restart(between: () => void = () => {}): Promise<void> {
    const { port } = this.controlPlane
    await this.controlPlane.close()
    between()
    this.controlPlane = await startControlPlane(this.dir.path, port)
  }

  async close(): Promise<void> {
    for (const close of this.#closing.splice(0).toReversed()) await close()
    await this.controlPlane.close()
    this.dir.remove()
  }

  /** Called at the end. */
  closes(close: () => Promise<void> | void): void {
    this.#closing.push(close)
  }

  async apply(...resources: Content[]): Promise<number> {
    const changes = resources.map(content => ({
      kind: 'put' as const,
      ref: refOf(content),
      content,
      expectedResourceVersion: undefined,
    }))
    return must(await this.controlPlane.store.commit(changes, 'test')).revision
  }

  async remove(...resources: Content[]): Promise<number> {
    const changes = resources.map(content => ({
      kind: 'delete' as const,
      ref: refOf(content),
      expectedResourceVersion: undefined,
    }))
    return must(await this.controlPlane.store.commit(changes, 'test')).revision
  }

  wait(revision: number, timeoutMs = 5_000) {
    return this.controlPlane.fleet.wait(revision, timeoutMs, new AbortController().signal)
  }

  fleetOf(name: string) {
    return this.controlPlane.fleet.fleet().sidecars.find(one => one.workload === name)
  }

  identityOf(serviceAccount: string): Identity {
    const known = this.#identities.get(serviceAccount)
    if (known !== undefined) return known
    const { caDir } = this.controlPlane
    const identity = must(localIdentity({ caDir, namespace: 'bookshop', serviceAccount, clock: systemClock }))
    this.#identities.set(serviceAccount, identity)
    this.closes(() => identity.close())
    return identity
  }

  /** `workload` is `bookshop/<name>-<instance>`; it begins to connect at once. */
  sidecar(name: string, wish: SidecarWish = {}): { readonly source: StreamSource; readonly sink: Sink } {
    const { as = name, identity = this.identityOf(as), instance = 0, ready = true, stateDir } = wish
    const registration: Registration = {
      ...{ address: '127.0.0.1', inboundPort: 15_006, labels: { app: name }, serviceAccount: name, zone: '', ready },
      ports: [{ name: 'http', port: 8080, protocol: 'http' }],
    }
    const sink = new Sink()
    const source = streamSource({
      ...{
        discoveryAddress: wish.address ?? this.controlPlane.address,
        identity,
        registration,
        programVersion: 'test',
      },
      ...{ workload: workloadKey('bookshop', `${name}-${instance}`), clock: systemClock, random: systemRandom },
      ...{ stateDir, log: () => {} },
    })
    this.closes(() => source.close())
    source.start(sink)
    return { source, sink }
  }
}

function refOf({ kind, metadata }: Content) {
  return { kind, namespace: metadata.namespace, name: metadata.name }
}
