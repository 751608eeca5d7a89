import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ControlPlane, startControlPlane } from '../../../control-plane/app.ts'
import { readControlPlaneConfig } from '../../../control-plane/config.ts'

export type Json = Readonly<Record<string, unknown>> & {
  readonly metadata: Readonly<Record<string, string>>
  readonly message: string
}

export interface Answer {
  readonly code: number
  readonly json: Json
  readonly headers: Headers
}

export const MESH = '/apis/selvedge.dev/v1'
export const SERVICES = '/api/v1/namespaces/bookshop/services'
export const ROUTES = '/apis/gateway.networking.k8s.io/v1/namespaces/bookshop/httproutes'

/** A control plane in this process, behind its real sockets, with a data folder of its own. */
export class Plane {
  readonly dataDir = join(mkdtempSync(join(tmpdir(), 'selvedge-api-')), 'data')
  #plane: ControlPlane | undefined
  token = ''

  async start(...flags: string[]): Promise<void> {
    const ports = ['rest', 'enrolment', 'discovery', 'metrics'].map(name => `--${name}-port=0`)
    const config = readControlPlaneConfig([`--data-dir=${this.dataDir}`, '--log-level=silent', ...ports, ...flags], {})
    if (!config.ok) throw new Error(config.error.join(' '))
    const started = await startControlPlane(config.value, '0.0.0-test')
    if (!started.ok) throw new Error(started.error)
    this.#plane = started.value
    this.token = readFileSync(started.value.addresses.tokenFile, 'utf8').trim()
  }

  /** The data folder stays. */
  async stop(): Promise<void> {
    await this.#plane?.close()
  }

  async restart(): Promise<void> {
    await this.stop()
    await this.start()
  }

  get url(): string {
    return this.#plane?.addresses.rest ?? ''
  }

  /** Text is sent as YAML, all else as JSON. */
  async call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    const type = typeof body === 'string' ? 'application/yaml' : 'application/json'
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.token}`,
        ...(body === undefined ? {} : { 'content-type': type }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    return { code: response.status, json: (await response.json()) as Json, headers: response.headers }
  }

  /** Writes all of these, and answers the revision. */
  async apply(...resources: object[]): Promise<number> {
    const { code, json } = await this.call('POST', `${MESH}/apply`, { resources })
    if (code !== 200) throw new Error(json.message)
    return Number(json.revision)
  }

  async close(): Promise<void> {
    await this.stop()
    rmSync(join(this.dataDir, '..'), { recursive: true })
  }
}

export function service(name: string, labels: Record<string, string> = {}, more: object = {}): object {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'bookshop', labels, ...more },
    spec: { ports: [{ port: 80 }], selector: { app: name } },
  }
}

export function route(backend: string, matches?: readonly object[]): object {
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'HTTPRoute',
    metadata: { name: 'canary', namespace: 'bookshop' },
    spec: {
      parentRefs: [{ group: '', kind: 'Service', name: 'reviews', port: 80 }],
      rules: [{ ...(matches === undefined ? {} : { matches }), backendRefs: [{ name: backend, port: 80 }] }],
    },
  }
}

export const namesOf = ({ json }: Answer): string[] =>
  (json.items as readonly Json[]).map(({ metadata }) => metadata.name ?? '')
