import { type DefineCommand, examples, outputOption, type ServerOptions, serverOptions, withMesh } from '../cli.ts'
import { EXIT } from '../failure.ts'
import { print } from '../print.ts'
import { age, count } from '../render/mod.ts'
import type { Alarm, FleetAnswer, InfoAnswer } from '../rest/mod.ts'
import { durationMs } from './duration.ts'
import { alarmLines } from './guard.ts'
import { nackLines, stillRefuses } from './proxy.ts'

interface CheckOptions extends ServerOptions {
  readonly expiry: string
  readonly output: 'table' | 'json' | 'yaml'
}

/** One thing that was looked at. */
export interface Finding {
  readonly what: string
  readonly well: boolean
  /** One line for each thing that is wrong, and what to do about it. */
  readonly faults: readonly string[]
}

export const defineCheck: DefineCommand = (command, cli) => {
  serverOptions(outputOption(command, ['table', 'json', 'yaml']))
    .description(
      'Says whether the mesh is well: the control plane, its sidecars and their certificates. Exit status 1: it is not.',
    )
    .option('--expiry <DURATION>', 'a certificate that ends within this time is a fault', '1m')
    .action(async (options: CheckOptions) => {
      const expiryMs = durationMs(options.expiry)
      await withMesh(cli, options, async api => {
        const { alarms } = await api.guard()
        const findings = findingsOf(await api.info(), await api.fleet(), {
          version: cli.version,
          expiryMs,
          nowMs: Date.now(),
          alarms,
        })
        await print(cli.terminal, options.output, { findings }, () => findings.flatMap(findingLines))
        if (findings.some(({ well }) => !well)) cli.exit(EXIT.failed)
      })
    })
  examples(command, ['selvedge check', 'selvedge check --expiry 1h -o json'])
}

export function findingsOf(
  info: InfoAnswer,
  { revision, sidecars }: FleetAnswer,
  now: {
    readonly version: string
    readonly expiryMs: number
    readonly nowMs: number
    readonly alarms: readonly Alarm[]
  },
): Finding[] {
  const here = sidecars.filter(({ connected }) => connected)
  const away = sidecars.filter(({ connected }) => !connected)
  const behind = here.filter(
    ({ pendingRevision, ackedRevision }) => pendingRevision !== null && pendingRevision > ackedRevision,
  )
  const refused = sidecars.filter(stillRefuses)
  const ending = here.filter(({ certificateNotAfter }) => certificateNotAfter - now.nowMs < now.expiryMs)
  return [
    finding(`control plane ${info.version} of ${info.trustDomain}, at revision ${revision}`, []),
    finding(
      'this program and the control plane are of one version',
      info.version === now.version ? [] : [`this program is ${now.version}: use ${info.version}`],
    ),
    finding(
      `${count(here.length, 'sidecar')} connected`,
      away.map(({ workload, since }) => `${workload} is away for ${age(now.nowMs - since)}: see whether it runs`),
    ),
    finding(
      'every sidecar has what it was sent',
      behind.map(({ workload, pendingRevision }) => `${workload} has not acknowledged revision ${pendingRevision} yet`),
    ),
    finding('nothing is held back from sidecars', alarmLines(now.alarms, now.nowMs)),
    finding('no sidecar refuses what it was sent', refused.flatMap(nackLines)),
    finding(
      `no certificate ends within ${age(now.expiryMs)}`,
      ending.map(({ workload, certificateNotAfter: until }) =>
        until < now.nowMs
          ? `that of ${workload} has ended: see its log for why it was not renewed`
          : `that of ${workload} ends in ${age(until - now.nowMs)}: see its log for why it is not renewed`,
      ),
    ),
  ]
}

function finding(what: string, faults: readonly string[]): Finding {
  return { what, well: faults.length === 0, faults }
}

function findingLines({ what, well, faults }: Finding): string[] {
  return [`${well ? 'ok   ' : 'FAULT'}  ${what}`, ...faults.map(fault => `         ${fault}`)]
}
