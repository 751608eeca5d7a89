import { parseServiceKey } from '../../common/mod.ts'
import { type DefineCommand, examples, outputOption, type ServerOptions, serverOptions, withMesh } from '../cli.ts'
import { usageFailure } from '../failure.ts'
import { print } from '../print.ts'
import { durationMs } from './duration.ts'

interface CreateOptions extends ServerOptions {
  readonly serviceAccount?: string
  readonly uses?: string
  readonly ttl?: string
  readonly output: 'table' | 'json' | 'yaml'
}

export const defineToken: DefineCommand = (command, cli) => {
  const create = command
    .command('create')
    .description(
      'Makes a join token: a sidecar that brings it gets a certificate of the service account. It pins the CA.',
    )
  serverOptions(outputOption(create, ['table', 'json', 'yaml']))
    .option('--service-account <NS/NAME>', 'who may join with it')
    .option('--uses <N>', 'how often it can be used')
    .option('--ttl <DURATION>', 'how long it holds')
    .action(async (options: CreateOptions) => {
      const { serviceAccount } = options
      if (serviceAccount === undefined) {
        throw usageFailure('Cannot make a token for nobody: give --service-account NAMESPACE/NAME')
      }
      if (!parseServiceKey(serviceAccount).ok) {
        throw usageFailure(
          `Cannot use --service-account ${serviceAccount}: write NAMESPACE/NAME, as in bookshop/reviews`,
        )
      }
      const limits = {
        ...(options.uses === undefined ? {} : { uses: wholeNumber('--uses', options.uses) }),
        ...(options.ttl === undefined ? {} : { ttlMs: durationMs(options.ttl) }),
      }
      await withMesh(cli, options, async api => {
        const made = await api.createToken(serviceAccount, limits)
        await print(cli.terminal, options.output, made, () => [made.token])
        // On stderr, so that $(selvedge token create ...) is the token and nothing else.
        if (options.output === 'table')
          cli.terminal.err(`for ${serviceAccount}, until ${new Date(made.expires).toISOString()}\n`)
      })
    })
  examples(create, [
    'selvedge token create --service-account bookshop/reviews',
    'selvedge token create --service-account bookshop/reviews --uses 3 --ttl 1h',
  ])
}

export function wholeNumber(flag: string, text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < 1)
    throw usageFailure(`Cannot use ${flag} ${text}: give a whole number from 1`)
  return value
}
