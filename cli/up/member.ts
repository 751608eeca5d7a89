import { join } from 'node:path'
import type { ProcessInstance } from '../../model/resources/mod.ts'
import type { MeshApi } from '../mod.ts'
import { ownEnvironment, programEnvironment } from './environment.ts'
import type { Guard } from './guard.ts'
import { type Exit, launch } from './launch.ts'
import type { Output } from './output.ts'
import { Supervised, type SupervisionWorld } from './supervised.ts'

/** Where a sidecar finds its control plane. */
export interface MeshAddresses {
  readonly discovery: string
  readonly enrolment: string
}

/** What all members of one mesh share. */
export interface MemberSurroundings {
  readonly api: MeshApi
  readonly addresses: MeshAddresses
  readonly guard: Guard
  readonly output: Output
  readonly world: SupervisionWorld
  /** Our own Node and entry: `node bin/selvedge.js`. */
  readonly selvedge: readonly [string, string]
  readonly inherited: Readonly<Record<string, string | undefined>>
  /** Each sidecar keeps its identity and its policy in a folder of its own below this one. Absolute. */
  readonly stateDir: string
  /** Relative working directories are seen from here. */
  readonly folder: string
  readonly verbose: boolean
  /** Who cannot be started, or dies before it was ever ready, is not tried again. */
  readonly mustStart?: boolean
  /** Instead of a restart, when a program ends. */
  readonly onProgramEnd?: (exit: Exit) => void
}

/** The ports of one member, chosen once: after a restart both are where their callers know them. */
export interface MemberPorts {
  readonly outbound: number
  readonly inbound: number
  readonly admin: number
  readonly metrics: number
  /** The program's own. */
  readonly program: number | undefined
}

export interface MemberOptions {
  /** What its lines are called. */
  readonly name: string
  /** Absolute. */
  readonly cwd: string
}

/** A join token is used at once, by the sidecar that is just being started. */
const TOKEN_TTL_MS = 60_000
/** `up` ends within two seconds, so a sidecar may drain for a part of that. */
const DRAIN_TIMEOUT = '500ms'

/** One program with the sidecar beside it. */
export class Member {
  readonly instance: ProcessInstance
  readonly ports: MemberPorts
  readonly name: string
  readonly #around: MemberSurroundings
  readonly #options: MemberOptions
  readonly #sidecar: Supervised
  readonly #program: Supervised
  /** Its sidecar has been ready: it has kept what it needs to start without the control plane. */
  #joined = false

  constructor(instance: ProcessInstance, ports: MemberPorts, options: MemberOptions, around: MemberSurroundings) {
    this.instance = instance
    this.ports = ports
    this.name = options.name
    this.#around = around
    this.#options = options
    const shared = {
      tell: (line: string) => around.output.tell(line),
      onGone: (pid: number) => around.guard.drop(pid),
    }
    this.#sidecar = new Supervised(
      {
        ...shared,
        name: `${options.name}/sidecar`,
        launch: () => this.#launchSidecar(),
        onReady: () => {
          this.#joined = true
        },
        mustStart: around.mustStart === true,
      },
      around.world,
    )
    this.#program = new Supervised(
      {
        ...shared,
        name: options.name,
        launch: () => this.#launchProgram(),
        mustStart: around.mustStart === true,
        ...(around.onProgramEnd && { onEnd: around.onProgramEnd }),
      },
      around.world,
    )
  }

  /** `namespace/name` of its workload. */
  get workload(): string {
    return `${this.instance.namespace}/${this.instance.name}`
  }

  /** Settles when the sidecar is ready for the first time. */
  async startSidecar(): Promise<void> {
    await this.#sidecar.start()
  }

  /** Settles when the program has been started. To be called when the sidecar is ready: the program's first call needs it. */
  async startProgram(): Promise<void> {
    await this.#program.start()
  }

  stopProgram(graceMs: number): Promise<void> {
    return this.#program.stop(graceMs)
  }

  stopSidecar(graceMs: number): Promise<void> {
    return this.#sidecar.stop(graceMs)
  }

  kill(): void {
    this.#program.kill()
    this.#sidecar.kill()
  }

  async #launchSidecar() {
    const { addresses, output, guard, selvedge, inherited, verbose, stateDir } = this.#around
    const token = await this.#joinToken()
    if (verbose) {
      const { admin, metrics } = this.ports
      const pages = `pages at http://127.0.0.1:${admin}/, metrics at http://127.0.0.1:${metrics}/metrics`
      output.program(`${this.name}/sidecar`, pages, 'stderr')
    }
    return launch({
      command: [
        ...selvedge,
        'sidecar',
        ...sidecarArguments(this.instance, this.ports, { ...addresses, stateDir }, verbose),
      ],
      // In the environment, because everybody on the machine can read a command line.
      env: ownEnvironment(inherited, token === undefined ? {} : { SELVEDGE_JOIN_TOKEN: token }),
      readyPrefix: 'selvedge sidecar ready ',
      onLine: line => output.log(`${this.name}/sidecar`, line),
      guard,
    })
  }

  /** Fresh for each start: a token is used up by the sidecar that joins with it. */
  async #joinToken(): Promise<string | undefined> {
    const { namespace, serviceAccount } = this.instance
    try {
      const wish = { uses: 1, ttlMs: TOKEN_TTL_MS }
      return (await this.#around.api.createToken(`${namespace}/${serviceAccount}`, wish)).token
    } catch (thrown) {
      // While the control plane is away, a sidecar starts with what it has kept.
      if (this.#joined) return undefined
      throw thrown
    }
  }

  #launchProgram() {
    const { output, guard, inherited } = this.#around
    const [file = '', ...args] = this.instance.command
    return launch({
      command: [file, ...args],
      cwd: this.#options.cwd,
      env: programEnvironment(inherited, {
        outboundPort: this.ports.outbound,
        port: this.ports.program,
        env: this.instance.env,
        nodePath: process.execPath,
      }),
      onLine: (line, stream) => output.program(this.name, line, stream),
      guard,
    })
  }
}

export function sidecarArguments(
  { namespace, name, serviceAccount, labels }: ProcessInstance,
  ports: MemberPorts,
  { discovery, enrolment, stateDir }: MeshAddresses & Pick<MemberSurroundings, 'stateDir'>,
  verbose: boolean,
): string[] {
  return [
    ...['--control-plane', discovery, '--enrolment', enrolment],
    ...['--workload', `${namespace}/${name}`, '--service-account', serviceAccount],
    // The name by which implied Services find it.
    ...(ports.program === undefined ? [] : ['--port', `http=${ports.program}`]),
    ...Object.entries(labels).flatMap(([label, value]) => ['--label', `${label}=${value}`]),
    ...['--host', '127.0.0.1', '--state-dir', join(stateDir, `${namespace}.${name}`)],
    ...['--outbound-port', String(ports.outbound), '--inbound-port', String(ports.inbound)],
    ...['--admin-port', String(ports.admin), '--metrics-port', String(ports.metrics)],
    // Programs end before their sidecars; a sidecar that ends alone is started again.
    ...['--drain-timeout', DRAIN_TIMEOUT, '--drain-outbound', 'exchanges'],
    ...['--log-level', verbose ? 'info' : 'warn'],
  ]
}
