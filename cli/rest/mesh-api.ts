import type {
  AnyResource,
  ApplyAnswer,
  FleetAnswer,
  GraphAnswer,
  InfoAnswer,
  ResourceList,
  ResourceRef,
  TokenAnswer,
  TraceAnswer,
  TracesAnswer,
  WaitAnswer,
} from './answers.ts'
import { ApiClient, ApiFailure, type Server } from './client.ts'
import { type KindName, kindOf, pathOf } from './kinds.ts'

const SELVEDGE = '/apis/selvedge.dev/v1'
const APPLIED = ['revision', 'results', 'warnings'] as const

/** The control plane's REST API, one method for each thing that can be asked. All throw `CliFailure`. */
export class MeshApi {
  readonly #client: ApiClient

  constructor(server: Server) {
    this.#client = new ApiClient(server)
  }

  get server(): Server {
    return this.#client.server
  }

  /** All or nothing. */
  apply(resources: readonly unknown[], dryRun = false): Promise<ApplyAnswer> {
    return this.#client.call(`${SELVEDGE}/apply${dryRun ? '?dryRun=All' : ''}`, {
      method: 'POST',
      json: { resources },
      fields: APPLIED,
    })
  }

  /** All or nothing. */
  delete(resources: readonly ResourceRef[]): Promise<ApplyAnswer> {
    return this.#client.call(`${SELVEDGE}/delete`, { method: 'POST', json: { resources }, fields: APPLIED })
  }

  /** Without `namespace`: of all. */
  async list(kind: KindName, namespace: string | undefined): Promise<readonly AnyResource[]> {
    return (await this.#client.call<ResourceList>(pathOf(kind, namespace), { fields: ['items'] })).items
  }

  /** `undefined` where there is none. */
  async find(kind: KindName, namespace: string, name: string): Promise<AnyResource | undefined> {
    try {
      return await this.#client.call<AnyResource>(pathOf(kind, namespace, name), { fields: ['kind', 'metadata'] })
    } catch (thrown) {
      if (thrown instanceof ApiFailure && thrown.status === 404) return undefined
      throw thrown
    }
  }

  /** The workloads (`namespace/name`) that callers are offered at this moment: written by hand, or leased and ready. */
  async offeredWorkloads(): Promise<ReadonlySet<string>> {
    const workloads = await this.list(kindOf('workload'), undefined)
    const offered = workloads.filter(({ status }) => status?.ready !== false)
    return new Set(offered.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`))
  }

  fleet(): Promise<FleetAnswer> {
    return this.#client.call(`${SELVEDGE}/fleet`, { fields: ['revision', 'sidecars'] })
  }

  /** Answers when the sidecars concerned have all acknowledged `revision`, or when the time is over. */
  wait(revision: number, timeoutMs: number): Promise<WaitAnswer> {
    const path = `${SELVEDGE}/fleet/wait?revision=${revision}&timeoutMs=${timeoutMs}`
    return this.#client.call(path, { timeoutMs: timeoutMs + 5_000, fields: ['live', 'of', 'pending', 'nacks'] })
  }

  /** @param windowMs 0 means since the control plane's start */
  graph(windowMs: number): Promise<GraphAnswer> {
    return this.#client.call(`${SELVEDGE}/graph?windowMs=${windowMs}`, { fields: ['edges'] })
  }

  traces(slow: boolean, limit: number): Promise<TracesAnswer> {
    return this.#client.call(`${SELVEDGE}/traces?slow=${slow}&limit=${limit}`, { fields: ['traces'] })
  }

  trace(id: string): Promise<TraceAnswer> {
    return this.#client.call(`${SELVEDGE}/traces/${encodeURIComponent(id)}`, { fields: ['traceId', 'spans'] })
  }

  /** A join token for the service account `namespace/name`. */
  createToken(serviceAccount: string, limits: { uses?: number; ttlMs?: number } = {}): Promise<TokenAnswer> {
    return this.#client.call(`${SELVEDGE}/tokens`, {
      method: 'POST',
      json: { serviceAccount, ...limits },
      fields: ['token', 'expires'],
    })
  }

  info(): Promise<InfoAnswer> {
    return this.#client.call(`${SELVEDGE}/info`, { fields: ['version'] })
  }

  close(): Promise<void> {
    return this.#client.close()
  }
}
