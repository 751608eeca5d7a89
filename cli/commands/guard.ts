import { type DefineCommand, examples, outputOption, type ServerOptions, serverOptions, withMesh } from '../cli.ts'
import { print } from '../print.ts'
import { age, count } from '../render/mod.ts'
import type { Alarm } from '../rest/mod.ts'

interface GuardOptions extends ServerOptions {
  readonly output: 'table' | 'json' | 'yaml'
}

export const defineGuard: DefineCommand = (command, cli) => {
  const status = command
    .command('status')
    .description('Shows what vanished though nobody deleted it, and is therefore held back from sidecars.')
  serverOptions(outputOption(status, ['table', 'json', 'yaml'])).action(async (options: GuardOptions) => {
    await withMesh(cli, options, async api => {
      const { alarms } = await api.guard()
      await print(cli.terminal, options.output, { alarms }, () =>
        alarms.length === 0 ? ['Nothing is held back.'] : alarmLines(alarms, Date.now()),
      )
    })
  })
  examples(status, ['selvedge guard status'])
  const release = command
    .command('release')
    .description('Lets go of what is held back: sidecars are told of the mesh as it is now, losses and all.')
  serverOptions(outputOption(release, ['table', 'json', 'yaml'])).action(async (options: GuardOptions) => {
    await withMesh(cli, options, async api => {
      const { released } = await api.releaseGuard()
      await print(cli.terminal, options.output, { released }, () =>
        released.length === 0
          ? ['Nothing was held back.']
          : released.map(alarm => `released: ${count(alarm.count, alarm.reason === 'store' ? 'kind' : 'workload')}`),
      )
    })
  })
  examples(release, ['selvedge guard release'])
}

/** One line for each alarm, made to be seen. */
export function alarmLines(alarms: readonly Alarm[], nowMs: number): string[] {
  return alarms.map(({ since, message }) => `ALARM (for ${age(nowMs - since)}): ${message}`)
}
