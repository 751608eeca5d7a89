import { type DefineCommand, examples, outputOption, type ServerOptions, serverOptions, withMesh } from '../cli.ts'
import { print } from '../print.ts'
import { age, tableLines } from '../render/mod.ts'
import type { FleetMember } from '../rest/mod.ts'
import { alarmLines } from './guard.ts'

interface StatusOptions extends ServerOptions {
  readonly output: 'table' | 'json' | 'yaml'
}

export const defineProxy: DefineCommand = (command, cli) => {
  const status = command
    .command('status')
    .description(
      'Shows every sidecar: whether it is connected, which revision it has acknowledged, what it refused last.',
    )
  serverOptions(outputOption(status, ['table', 'json', 'yaml'])).action(async (options: StatusOptions) => {
    await withMesh(cli, options, async api => {
      const [fleet, { alarms }] = await Promise.all([api.fleet(), api.guard()])
      await print(cli.terminal, options.output, { ...fleet, alarms }, () => [
        ...alarmLines(alarms, Date.now()),
        ...fleetLines(fleet.revision, fleet.sidecars, Date.now()),
      ])
    })
  })
  examples(status, ['selvedge proxy status', 'selvedge proxy status -o json'])
}

export function fleetLines(revision: number, sidecars: readonly FleetMember[], nowMs: number): string[] {
  if (sidecars.length === 0) return ['No sidecar has connected yet.']
  const rows = sidecars
    .toSorted((a, b) => (a.workload < b.workload ? -1 : 1))
    .map(member => [
      member.workload,
      member.connected ? `connected ${age(nowMs - member.since)}` : `away ${age(nowMs - member.since)}`,
      member.programVersion,
      revisionText(member, revision),
      `${age(member.certificateNotAfter - nowMs)} left`,
      member.lastNack === null ? '-' : `revision ${member.lastNack.revision}, ${age(nowMs - member.lastNack.at)} ago`,
    ])
  const headings = ['WORKLOAD', 'STREAM', 'VERSION', 'REVISION', 'CERTIFICATE', 'LAST NACK']
  return [
    ...tableLines(
      headings.map(heading => ({ heading })),
      rows,
    ),
    ...sidecars.filter(stillRefuses).flatMap(nackLines),
  ]
}

/** Whether it does not hold what it refused last, nor what came in its place. */
export function stillRefuses({ lastNack, ackedRevision }: FleetMember): boolean {
  return lastNack !== null && lastNack.revision > ackedRevision
}

/** What a sidecar refused, and why; empty where it refused nothing. */
export function nackLines(member: FleetMember): string[] {
  if (member.lastNack === null) return []
  return [
    `${member.workload} refused revision ${member.lastNack.revision}:`,
    ...member.lastNack.problems.map(({ resource, field, message }) => `  ${resource}: ${field} ${message}`),
  ]
}

function revisionText({ ackedRevision, pendingRevision }: FleetMember, revision: number): string {
  if (pendingRevision === null || pendingRevision <= ackedRevision) return `${ackedRevision} of ${revision}`
  return `${ackedRevision}, waiting for ${pendingRevision}`
}
