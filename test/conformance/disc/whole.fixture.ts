import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ok } from '../../../common/mod.ts'
import { type ControlPlane, startControlPlane } from '../../../control-plane/app.ts'
import { readControlPlaneConfig } from '../../../control-plane/config.ts'
import { type Sidecar, startSidecar } from '../../../sidecar/app.ts'
import { readSidecarConfig } from '../../../sidecar/config.ts'
import { ask } from '../../in-process/client.ts'

export type Answer = Readonly<Record<string, unknown>>

export interface RunningSidecar {
  readonly sidecar: Sidecar
  readonly outbound: number
  /** What an admin page says, parsed. */
  page(path: string): Promise<unknown>
  metrics(): Promise<string>
  /** What stands in its log by now. */
  log(): string
  /** Ends it at once, and forgets it. */
  close(): Promise<void>
}

/** A control plane and sidecars as `app.ts` assembles them, in one process. */
export class WholeMesh {
  readonly dataDir = mkdtempSync(join(tmpdir(), 'selvedge-whole-'))
  #plane: ControlPlane | undefined
  #ports: Readonly<Record<string, string>> = {}
  #sidecars = 0
  readonly #closing: (() => unknown)[] = []

  get plane(): ControlPlane {
    if (this.#plane === undefined) throw new Error('There is no control plane')
    return this.#plane
  }

  /** Where it was before, if it was. */
  async start(...flags: string[]): Promise<void> {
    const ports = ['rest', 'enrolment', 'discovery', 'metrics'].map(name => `--${name}-port=${this.#ports[name] ?? 0}`)
    const config = readControlPlaneConfig([`--data-dir=${this.dataDir}`, '--log-level=silent', ...ports, ...flags], {})
    if (!config.ok) throw new Error(config.error.join(' '))
    const started = await startControlPlane(config.value, '0.0.0-test')
    if (!started.ok) throw new Error(started.error)
    this.#plane = started.value
    const { tokenFile, ...doors } = started.value.addresses
    this.#ports = Object.fromEntries(Object.entries(doors).map(([name, address]) => [name, portOf(address)]))
  }

  async stop(): Promise<void> {
    await this.#plane?.close()
    this.#plane = undefined
  }

  /** `while` it is away. */
  async restart(while_: () => void | Promise<void> = () => {}): Promise<void> {
    await this.stop()
    await while_()
    await this.start()
  }

  closes(close: () => unknown): void {
    this.#closing.push(close)
  }

  async close(): Promise<void> {
    for (const close of this.#closing.splice(0).toReversed()) await close()
    await this.stop()
    rmSync(this.dataDir, { recursive: true, force: true })
  }

  token(): string {
    return readFileSync(this.plane.addresses.tokenFile, 'utf8').trim()
  }

  async ask(path: string, body?: object): Promise<Answer> {
    const response = await fetch(`${this.plane.addresses.rest}/apis/selvedge.dev/v1/${path}`, {
      headers: { authorization: `Bearer ${this.token()}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
    })
    const answer = (await response.json()) as Answer
    if (!response.ok) throw new Error(JSON.stringify(answer))
    return answer
  }

  async apply(...resources: object[]): Promise<number> {
    return (await this.ask('apply', { resources })).revision as number
  }

  async subscriptionsOf(workload: string): Promise<readonly string[]> {
    const { sidecars } = (await this.ask('fleet')) as { sidecars: { workload: string; subscriptions: string[] }[] }
    return sidecars.find(one => one.workload === workload)?.subscriptions ?? []
  }

  /** `bookshop/<name>-0`; with `port` it serves what listens there. Settles when it is ready. */
  async sidecar(
    name: string,
    { port, flags = [] as string[] }: { port?: number; flags?: string[] } = {},
  ): Promise<RunningSidecar> {
    const { token } = await this.ask('tokens', { serviceAccount: `bookshop/${name}` })
    return this.sidecarWith(String(token), name, { port, flags })
  }

  async sidecarWith(
    token: string,
    name: string,
    { port, flags = [] as string[] }: { port?: number | undefined; flags?: string[] } = {},
  ): Promise<RunningSidecar> {
    const config = readSidecarConfig(
      [
        ...[
          '--control-plane',
          `127.0.0.1:${this.#ports.discovery}`,
          '--enrolment',
          `127.0.0.1:${this.#ports.enrolment}`,
        ],
        ...['--workload', `bookshop/${name}-0`, '--service-account', name, '--label', `app=${name}`],
        ...['outbound', 'inbound', 'admin', 'metrics'].map(door => `--${door}-port=0`),
        ...(port === undefined ? [] : ['--port', `http=${port}`]),
        ...(token === '' ? [] : ['--join-token', token]),
        ...flags,
      ],
      () => ok(''),
      {},
    )
    if (!config.ok) throw new Error(config.error.join(' '))
    const folder = join(this.dataDir, 'logs')
    mkdirSync(folder, { recursive: true })
    const logPath = join(folder, `${name}-${this.#sidecars++}.log`)
    const started = await startSidecar(config.value, '0.0.0-test', { logFd: openSync(logPath, 'a') })
    if (!started.ok) throw new Error(started.error)
    const sidecar = started.value
    const page = async (door: string, path: string) => (await ask(Number(portOf(door)), path)).body
    let open = true
    const close = async (): Promise<void> => {
      if (open) await sidecar.close()
      open = false
    }
    this.closes(close)
    return {
      sidecar,
      outbound: Number(portOf(sidecar.addresses.outbound)),
      page: async path => JSON.parse(await page(sidecar.addresses.admin, path)) as unknown,
      metrics: () => page(sidecar.addresses.metrics, '/metrics'),
      log: () => readFileSync(logPath, 'utf8'),
      close,
    }
  }
}

function portOf(address: string): string {
  return address.slice(address.lastIndexOf(':') + 1)
}
