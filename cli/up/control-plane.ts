import { readFileSync } from 'node:fs'
import { CliFailure } from '../mod.ts'
import { ownEnvironment } from './environment.ts'
import type { Guard } from './guard.ts'
import { launch } from './launch.ts'
import type { Output } from './output.ts'
import { Supervised, type SupervisionWorld } from './supervised.ts'

/** What the control plane says in its ready line, with the token that it names. */
export interface ControlPlaneFacts {
  /** `http://127.0.0.1:15080` */
  readonly rest: string
  /** `host:port` */
  readonly enrolment: string
  /** `host:port` */
  readonly discovery: string
  readonly token: string
}

export interface ControlPlanePorts {
  readonly rest: number
  readonly enrolment: number
  readonly discovery: number
  readonly metrics: number
}

export interface ControlPlaneOptions {
  readonly dataDir: string
  readonly ports: ControlPlanePorts
  readonly selvedge: readonly [string, string]
  readonly inherited: Readonly<Record<string, string | undefined>>
  readonly guard: Guard
  readonly output: Output
  readonly verbose: boolean
}

const NAME = 'control-plane'

/** The control plane of this machine's mesh, as a process of its own. It must start well; after that it is restarted like the others. */
export function superviseControlPlane(options: ControlPlaneOptions, world: SupervisionWorld): Supervised {
  const { dataDir, ports, selvedge, inherited, guard, output, verbose } = options
  return new Supervised(
    {
      name: NAME,
      mustStart: true,
      launch: () =>
        launch({
          command: [
            ...selvedge,
            'control-plane',
            ...['--data-dir', dataDir, '--host', '127.0.0.1'],
            ...['--rest-port', String(ports.rest), '--enrolment-port', String(ports.enrolment)],
            ...['--discovery-port', String(ports.discovery), '--metrics-port', String(ports.metrics)],
            ...['--log-level', verbose ? 'info' : 'warn'],
          ],
          env: ownEnvironment(inherited, {}),
          readyPrefix: 'selvedge control-plane ready ',
          onLine: line => output.log(NAME, line),
          guard,
        }),
      onGone: pid => guard.drop(pid),
      tell: line => output.tell(line),
    },
    world,
  )
}

/** Reads what the ready line carries. */
export function controlPlaneFacts(ready: unknown): ControlPlaneFacts {
  const { rest, enrolment, discovery, tokenFile } = (ready ?? {}) as Record<string, unknown>
  if ([rest, enrolment, discovery, tokenFile].some(field => typeof field !== 'string')) {
    throw new CliFailure('Cannot use the control plane: its ready line is not one that this version writes')
  }
  const token = readFileSync(String(tokenFile), 'utf8').trim()
  return { rest: String(rest), enrolment: String(enrolment), discovery: String(discovery), token }
}
