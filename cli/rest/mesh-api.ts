import type {
  Alarm,
  AnyResource,
  ApiToken,
  ApplyAnswer,
  AuditAnswer,
  FleetAnswer,
  GraphAnswer,
  InfoAnswer,
  JoinToken,
  ListAt,
  ResourceList,
  ResourceRef,
  RollbackWish,
  TokenAnswer,
  TraceAnswer,
  TracesAnswer,
  WaitAnswer,
  WatchEvent,
} from './answers.ts'
import { ApiClient, ApiFailure, type Server } from './client.ts'
import { type KindName, kindOf, pathOf } from './kinds.ts'

const SELVEDGE = '/apis/selvedge.dev/v1'
/** Of a list, in one answer. */
const PAGE_ITEMS = 1_000
/** The control plane lets nobody wait for longer at a time. */
const WAIT_MS_MAX = 120_000
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
  delete(resources: readonly ResourceRef[], dryRun = false): Promise<ApplyAnswer> {
    const path = `${SELVEDGE}/delete${dryRun ? '?dryRun=All' : ''}`
    return this.#client.call(path, { method: 'POST', json: { resources }, fields: APPLIED })
  }

  /** Makes what a revision changed (or of that one resource alone) as it was before. All or nothing. */
  rollback(wish: RollbackWish, dryRun = false): Promise<ApplyAnswer> {
    const path = `${SELVEDGE}/rollback${dryRun ? '?dryRun=All' : ''}`
    return this.#client.call(path, { method: 'POST', json: wish, fields: APPLIED })
  }

  /** Without `namespace`: of all. */
  async list(kind: KindName, namespace: string | undefined, selector?: string): Promise<readonly AnyResource[]> {
    return (await this.listAt(kind, namespace, selector)).items
  }

  /** A list, read in pages that show one revision: from which it can be watched. */
  async listAt(kind: KindName, namespace: string | undefined, selector = ''): Promise<ListAt> {
    const items: AnyResource[] = []
    const query = new URLSearchParams({ limit: String(PAGE_ITEMS) })
    if (selector !== '') query.set('labelSelector', selector)
    for (;;) {
      const page: ResourceList = await this.#client.call(`${pathOf(kind, namespace)}?${query}`, { fields: ['items'] })
      items.push(...page.items)
      const { continue: next = '', resourceVersion = '' } = page.metadata ?? {}
      if (next === '') return { items, resourceVersion }
      query.set('continue', next)
    }
  }

  /** What becomes of a list after a revision, until the control plane ends the watch. */
  watch(
    kind: KindName,
    namespace: string | undefined,
    which: { readonly selector: string; readonly name: string | undefined; readonly from: string },
    signal?: AbortSignal,
  ): AsyncGenerator<WatchEvent> {
    const query = new URLSearchParams({ watch: 'true', allowWatchBookmarks: 'true', resourceVersion: which.from })
    if (which.selector !== '') query.set('labelSelector', which.selector)
    if (which.name !== undefined) query.set('fieldSelector', `metadata.name=${which.name}`)
    return this.#client.lines(`${pathOf(kind, namespace)}?${query}`, signal) as AsyncGenerator<WatchEvent>
  }

  /** Who did what, when; the newest first. `subject`: `HTTPRoute bookshop/canary`. */
  audit(limit: number, subject?: string): Promise<AuditAnswer> {
    const query = new URLSearchParams({ limit: String(limit) })
    if (subject !== undefined) query.set('subject', subject)
    return this.#client.call(`${SELVEDGE}/audit?${query}`, { fields: ['items'] })
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

  guard(): Promise<{ readonly alarms: readonly Alarm[] }> {
    return this.#client.call(`${SELVEDGE}/guard`, { fields: ['alarms'] })
  }

  releaseGuard(): Promise<{ readonly released: readonly Alarm[] }> {
    return this.#client.call(`${SELVEDGE}/guard/release`, { method: 'POST', fields: ['released'] })
  }

  /** Answers when the sidecars concerned have all acknowledged `revision`, or when the time is over. */
  async wait(revision: number, timeoutMs: number): Promise<WaitAnswer> {
    for (let waitedMs = 0; ; ) {
      const partMs = Math.min(timeoutMs - waitedMs, WAIT_MS_MAX)
      const path = `${SELVEDGE}/fleet/wait?revision=${revision}&timeoutMs=${partMs}`
      const answer: WaitAnswer = await this.#client.call(path, {
        timeoutMs: partMs + 5_000,
        fields: ['live', 'of', 'elapsedMs', 'pending', 'nacks'],
      })
      if (answer.pending.length === 0 || waitedMs + partMs >= timeoutMs) {
        return { ...answer, elapsedMs: waitedMs + answer.elapsedMs }
      }
      waitedMs += partMs
    }
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

  /** A token for the API itself. */
  createApiToken(wish: { name: string; role: 'read' | 'write'; ttlMs?: number }): Promise<ApiToken & TokenAnswer> {
    return this.#client.call(`${SELVEDGE}/apitokens`, { method: 'POST', json: wish, fields: ['token', 'expires'] })
  }

  async apiTokens(): Promise<readonly ApiToken[]> {
    const answer = await this.#client.call<{ readonly tokens: readonly ApiToken[] }>(`${SELVEDGE}/apitokens`, {
      fields: ['tokens'],
    })
    return answer.tokens
  }

  async joinTokens(): Promise<readonly JoinToken[]> {
    const answer = await this.#client.call<{ readonly tokens: readonly JoinToken[] }>(`${SELVEDGE}/tokens`, {
      fields: ['tokens'],
    })
    return answer.tokens
  }

  /** Of whichever kind it is. */
  async revokeToken(id: string): Promise<ApiToken | JoinToken> {
    const revoke = <Token extends { readonly id: string }>(kind: string): Promise<Token> =>
      this.#client.call(`${SELVEDGE}/${kind}/${encodeURIComponent(id)}`, { method: 'DELETE', fields: ['id'] })
    try {
      return await revoke<JoinToken>('tokens')
    } catch (thrown) {
      if (!(thrown instanceof ApiFailure) || thrown.status !== 404) throw thrown
      return revoke<ApiToken>('apitokens')
    }
  }

  info(): Promise<InfoAnswer> {
    return this.#client.call(`${SELVEDGE}/info`, { fields: ['version'] })
  }

  close(): Promise<void> {
    return this.#client.close()
  }
}
