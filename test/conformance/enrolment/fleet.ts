import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { err } from '../../../common/mod.ts'
import { type ControlPlane, startControlPlane } from '../../../control-plane/app.ts'
import { type ControlPlaneConfig, readControlPlaneConfig } from '../../../control-plane/config.ts'
import { type Sidecar, type StartOptions, startSidecar } from '../../../sidecar/app.ts'
import { readSidecarConfig } from '../../../sidecar/config.ts'
import { ask } from '../../in-process/client.ts'
import { portOf } from '../../in-process/mesh.ts'

/** A whole control plane in this process, with the sidecars that join it. */
export interface Fleet {
  readonly plane: ControlPlane
  readonly dir: string
  /** The address of a port, without its host. */
  readonly ports: { readonly enrolment: number; readonly discovery: number }
  /** The control plane's own metrics, and its root. */
  metrics(): Promise<string>
  readonly rootPem: string
  /** One call of the REST API. */
  call(method: string, path: string, body?: unknown): Promise<{ readonly code: number; readonly json: unknown }>
  token(serviceAccount: string, limits?: { readonly uses?: number; readonly ttlMs?: number }): Promise<string>
  /** Everything here is in the namespace `shop`. */
  apply(...resources: readonly object[]): Promise<void>
  join(name: string, wish?: JoinWish): Promise<Joined>
  close(): Promise<void>
}

export interface JoinWish {
  readonly port?: number
  readonly options?: StartOptions
  readonly flags?: readonly string[]
}

export interface Joined {
  readonly sidecar: Sidecar
  readonly outbound: number
  readonly inbound: number
  page(path: string): Promise<string>
  log(): string
}

export async function startFleet(config: Partial<ControlPlaneConfig> = {}): Promise<Fleet> {
  const dir = mkdtempSync(join(tmpdir(), 'selvedge-fleet-'))
  const ports = ['rest', 'enrolment', 'discovery', 'metrics'].map(name => `--${name}-port=0`)
  const flags = [`--data-dir=${join(dir, 'data')}`, '--log-level=silent', '--trust-domain=mesh.test', ...ports]
  const read = readControlPlaneConfig(flags, {})
  if (!read.ok) throw new Error(read.error.join(' '))
  const started = await startControlPlane({ ...read.value, ...config }, '0.0.0-test')
  if (!started.ok) throw new Error(started.error)
  const plane = started.value
  const { addresses } = plane
  const bearer = readFileSync(addresses.tokenFile, 'utf8').trim()
  const sidecars: Sidecar[] = []

  const call: Fleet['call'] = async (method, path, body) => {
    const response = await fetch(`${addresses.rest}${path}`, {
      method,
      headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    return { code: response.status, json: await response.json() }
  }
  const token: Fleet['token'] = async (serviceAccount, limits = {}) => {
    const made = await call('POST', '/apis/selvedge.dev/v1/tokens', { serviceAccount, ...limits })
    if (made.code !== 201) throw new Error(JSON.stringify(made.json))
    return (made.json as { readonly token: string }).token
  }
  return {
    ...{ plane, dir, call, token },
    ports: { enrolment: portOf(addresses.enrolment), discovery: portOf(addresses.discovery) },
    metrics: async () => (await ask(portOf(addresses.metrics), '/metrics')).body,
    rootPem: readFileSync(join(dir, 'data', 'ca', 'ca.crt'), 'utf8'),
    async apply(...items) {
      const resources = items.map(item => JSON.stringify(item)).join('\n---\n')
      const response = await fetch(`${addresses.rest}/apis/selvedge.dev/v1/apply`, {
        method: 'POST',
        headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/yaml' },
        body: resources,
      })
      if (!response.ok) throw new Error(await response.text())
    },
    async join(name, { port, options = {}, flags: more = [] } = {}) {
      const own = join(dir, name)
      const joinToken = await token(`shop/${name}`, { uses: 5 })
      const read = readSidecarConfig(
        [
          ...['outbound', 'inbound', 'admin', 'metrics'].map(each => `--${each}-port=0`),
          ...[`--workload=shop/${name}`, `--service-account=${name}`, `--label=app=${name}`],
          ...[`--control-plane=${addresses.discovery}`, `--enrolment=${addresses.enrolment}`],
          ...[`--join-token=${joinToken}`, ...more],
          ...(port === undefined ? [] : [`--port=http=${port}`]),
        ],
        path => err(`Cannot read ${path}: these sidecars have no files`),
        {},
      )
      if (!read.ok) throw new Error(read.error.join(' '))
      const started = await startSidecar(read.value, '0.0.0-test', { logFd: openSync(`${own}.log`, 'a'), ...options })
      if (!started.ok) throw new Error(started.error)
      const sidecar = started.value
      sidecars.push(sidecar)
      return {
        sidecar,
        outbound: portOf(sidecar.addresses.outbound),
        inbound: portOf(sidecar.addresses.inbound),
        page: async path => (await ask(portOf(sidecar.addresses.admin), path)).body,
        log: () => readFileSync(`${own}.log`, 'utf8'),
      }
    },
    async close() {
      await Promise.all(sidecars.map(sidecar => sidecar.close()))
      await plane.close()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}
