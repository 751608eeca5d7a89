import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { eventually, yes } from './eventually.ts'
import { type Program, run, runSelvedge, startProgram } from './program.ts'

export interface Container {
  readonly name: string
  readonly args: readonly string[]
  readonly env?: readonly {
    readonly name: string
    readonly value?: string
    readonly valueFrom?: { readonly fieldRef: { readonly fieldPath: string } }
  }[]
  readonly readinessProbe?: Probe
  readonly livenessProbe?: Probe
  readonly lifecycle?: { readonly preStop: { readonly exec: { readonly command: readonly string[] } } }
  readonly securityContext: {
    readonly runAsUser: number
    readonly runAsGroup: number
    readonly capabilities: { readonly add?: readonly string[] }
  }
}

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: number }
}

export interface PodWish {
  readonly name: string
  readonly serviceAccount: string
  /** Of the container `app`, beside its image. */
  readonly app: object
  /** Where the control plane is reached from pods. */
  readonly controlPlane: string
  readonly enrolment: string
  readonly joinToken: string
}

const APP_UID = 1_000
const READY_MS = 20_000
const HEALTH_PORT = 15_020

function ip(...args: readonly string[]): void {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] })
}

/** A node's network in small: a bridge of this machine, to which pods are attached. */
export class PodNetwork {
  /** Of this process: several runs of the tests may stand beside each other. */
  private readonly subnet = `10.213.${process.pid % 254}`
  private readonly bridge = `svb${process.pid}`
  private pods = 0
  /** This machine's address, as pods see it. */
  readonly nodeIp = `${this.subnet}.1`

  constructor() {
    ip('link', 'add', this.bridge, 'type', 'bridge')
    ip('addr', 'add', `${this.nodeIp}/24`, 'dev', this.bridge)
    ip('link', 'set', this.bridge, 'up')
  }

  /** A network namespace with an address of its own; its name, and the address. */
  attach(): { readonly namespace: string; readonly address: string } {
    const number = ++this.pods
    const namespace = `selvedge-${process.pid}-${number}`
    const address = `${this.subnet}.${number + 1}`
    const link = `sv${process.pid}-${number}`
    ip('netns', 'add', namespace)
    ip('link', 'add', link, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace)
    ip('link', 'set', link, 'master', this.bridge, 'up')
    ip('-n', namespace, 'addr', 'add', `${address}/24`, 'dev', 'eth0')
    ip('-n', namespace, 'link', 'set', 'eth0', 'up')
    ip('-n', namespace, 'link', 'set', 'lo', 'up')
    ip('-n', namespace, 'route', 'add', 'default', 'via', this.nodeIp)
    return { namespace, address }
  }

  close(): void {
    for (let number = 1; number <= this.pods; number++) ip('netns', 'del', `selvedge-${process.pid}-${number}`)
    ip('link', 'del', this.bridge)
  }
}

/**
 * A pod as "selvedge inject" makes it, in a network namespace and in the place of a kubelet: its containers are started in their order, each with its user,
 * its capabilities and its arguments, and this machine asks what the kubelet would ask.
 */
export class InjectedPod {
  readonly ip: string
  readonly containers: { readonly init: Container; readonly sidecar: Container; readonly app: Container }
  sidecar: Program | undefined
  application: Program | undefined
  private readonly namespace: string
  private readonly wish: PodWish
  private readonly folder: string

  private constructor(network: PodNetwork, folder: string, wish: PodWish, containers: InjectedPod['containers']) {
    const { namespace, address } = network.attach()
    this.namespace = namespace
    this.ip = address
    this.wish = wish
    this.folder = join(folder, wish.name)
    this.containers = containers
    // Volumes: one that is read, and one that anybody may write to, as an emptyDir is.
    mkdirSync(join(this.folder, 'identity'), { recursive: true })
    mkdirSync(join(this.folder, 'state'))
    chmodSync(join(this.folder, 'state'), 0o777)
    writeFileSync(join(this.folder, 'identity', 'join-token'), wish.joinToken, { mode: 0o644 })
  }

  /** Injects the pod. Nothing of it runs yet. Its volumes are in `folder`. */
  static async make(network: PodNetwork, folder: string, wish: PodWish): Promise<InjectedPod> {
    const manifest = {
      ...{ apiVersion: 'v1', kind: 'Pod' },
      metadata: { name: wish.name, namespace: 'shop', labels: { app: wish.serviceAccount } },
      spec: { serviceAccountName: wish.serviceAccount, containers: [{ name: 'app', image: 'app:1', ...wish.app }] },
    }
    const flags = ['--control-plane', wish.controlPlane, '--enrolment', wish.enrolment]
    const input = JSON.stringify(manifest)
    const { stdout, stderr } = await runSelvedge(['inject', '-f', '-', '-o', 'json', ...flags], { input })
    if (stderr !== `injected Pod shop/${wish.name}\n`) throw new Error(stderr)
    const { spec } = JSON.parse(stdout) as {
      readonly spec: { readonly initContainers: readonly Container[]; readonly containers: readonly Container[] }
    }
    const containers = { init: spec.initContainers[0]!, sidecar: spec.initContainers[1]!, app: spec.containers[0]! }
    return new InjectedPod(network, folder, wish, containers)
  }

  /** Runs a command of the image as one of the containers; without `args`, the container's own. */
  command(container: Container, args = container.args): [string, ...string[]] {
    const program = [process.execPath, join(import.meta.dirname, '../../bin/selvedge.js')]
    return this.asItsUser(container, [...program, ...this.expanded(container, args)])
  }

  /** Writes the rules, and starts the sidecar when they are written; settles when the startup probe would. */
  async start(): Promise<void> {
    const rules = await run(this.command(this.containers.init))
    if (rules.code !== 0 || !rules.stdout.includes('installed the redirect rules')) throw new Error(rules.stderr)
    await this.startSidecar()
  }

  async startSidecar(): Promise<void> {
    const { sidecar } = this.containers
    const env = Object.fromEntries(
      (sidecar.env ?? []).flatMap(({ name, value }) => (value === undefined ? [] : [[name, value]])),
    )
    this.sidecar = startProgram(this.command(sidecar), { env })
    await eventually('the sidecar to be ready', READY_MS, async () => {
      return yes((await this.asked('/readyz', HEALTH_PORT)).status === 200)
    })
  }

  /** Starts a program of the application, as its own user. It says "listening" when it does. */
  async startApplication(source: string): Promise<void> {
    this.application = startProgram(this.asApplication(process.execPath, '-e', source))
    await this.application.line(/listening/, READY_MS)
  }

  asApplication(...command: readonly string[]): [string, ...string[]] {
    const user = [`--reuid=${APP_UID}`, `--regid=${APP_UID}`, '--clear-groups']
    return this.inNamespace('setpriv', ...user, '--', ...command)
  }

  /** As the kubelet asks: from the node, in plaintext. */
  async asked(path: string, port: number): Promise<{ readonly status: number; readonly text: string }> {
    const answer = await fetch(`http://${this.ip}:${port}${path}`, {
      headers: { connection: 'close' },
      signal: AbortSignal.timeout(3_000),
    })
    return { status: answer.status, text: await answer.text() }
  }

  async probed(kind: 'readinessProbe' | 'livenessProbe'): Promise<number> {
    const { path = '', port = 0 } = this.containers.app[kind]?.httpGet ?? {}
    return (await this.asked(path, port)).status
  }

  async end(): Promise<void> {
    await this.application?.end()
    await this.sidecar?.end()
  }

  private inNamespace(...command: readonly string[]): [string, ...string[]] {
    return ['ip', 'netns', 'exec', this.namespace, ...command]
  }

  /** As its securityContext says: its user, and no capability but those that are added. */
  private asItsUser({ securityContext }: Container, command: readonly string[]): [string, ...string[]] {
    const { runAsUser, runAsGroup, capabilities } = securityContext
    const kept = (capabilities.add ?? []).map(name => `+${name.toLowerCase()}`)
    return this.inNamespace(
      ...['setpriv', `--reuid=${runAsUser}`, `--regid=${runAsGroup}`, '--clear-groups', '--no-new-privs'],
      ...[`--bounding-set=${['-all', ...kept].join(',')}`, '--', ...command],
    )
  }

  /** What the kubelet puts into arguments: the pod's own facts; and our folders, in the place of mounted volumes. */
  private expanded({ env = [] }: Container, args: readonly string[]): readonly string[] {
    const facts: Readonly<Record<string, string>> = {
      'metadata.name': this.wish.name,
      'metadata.namespace': 'shop',
      'status.podIP': this.ip,
      'spec.serviceAccountName': this.wish.serviceAccount,
    }
    const known = new Map(
      env.map(({ name, value, valueFrom }) => [name, value ?? facts[valueFrom?.fieldRef.fieldPath ?? ''] ?? '']),
    )
    return args.map(arg =>
      arg
        .replace(/\$\((\w+)\)/g, (_, name: string) => known.get(name) ?? '')
        .replace('/var/run/selvedge/identity', join(this.folder, 'identity'))
        .replace('/var/lib/selvedge', join(this.folder, 'state')),
    )
  }
}
