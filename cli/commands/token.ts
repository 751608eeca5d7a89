import { parseServiceKey } from '../../common/mod.ts'
import { type DefineCommand, examples, outputOption, type ServerOptions, serverOptions, withMesh } from '../cli.ts'
import { usageFailure } from '../failure.ts'
import { print } from '../print.ts'
import { tableLines } from '../render/mod.ts'
import { durationMs } from './duration.ts'

interface CreateOptions extends ServerOptions {
  readonly serviceAccount?: string
  readonly readOnly?: boolean
  readonly readWrite?: boolean
  readonly name?: string
  readonly uses?: string
  readonly ttl?: string
  readonly output: 'table' | 'json' | 'yaml'
}

export const defineToken: DefineCommand = (command, cli) => {
  defineCreate(command.command('create'), cli)
  defineList(command.command('list'), cli)
  defineRevoke(command.command('revoke'), cli)
}

const defineCreate: DefineCommand = (create, cli) => {
  create.description(
    'Makes a join token: a sidecar that brings it gets a certificate of the service account. It pins the CA. ' +
      'With --read-only or --read-write: a token for the REST API, which these commands take as --token.',
  )
  serverOptions(outputOption(create, ['table', 'json', 'yaml']))
    .option('--service-account <NS/NAME>', 'who may join with it')
    .option('--read-only', 'a token for the REST API that may look at everything and change nothing')
    .option('--read-write', 'a token for the REST API that may do all')
    .option('--name <NAME>', 'whose token for the REST API it is; the audit log tells it')
    .option('--uses <N>', 'how often a join token can be used (default: once)')
    .option('--ttl <DURATION>', 'how long it holds (default: 1h to join, 720h for the REST API)')
    .action(async (options: CreateOptions) => {
      const wish = wishOf(options)
      const limits = options.ttl === undefined ? {} : { ttlMs: durationMs(options.ttl) }
      await withMesh(cli, options, async api => {
        const made =
          'role' in wish
            ? await api.createApiToken({ ...wish, ...limits })
            : await api.createToken(wish.for, { ...wish.uses, ...limits })
        await print(cli.terminal, options.output, made, () => [made.token])
        // On stderr, so that $(selvedge token create ...) is the token and nothing else.
        const whose = 'role' in wish ? `${wish.name}, to ${wish.role}` : wish.for
        if (options.output === 'table')
          cli.terminal.err(`for ${whose}, until ${new Date(made.expires).toISOString()}\n`)
      })
    })
  examples(create, [
    'selvedge token create --service-account bookshop/reviews',
    'selvedge token create --service-account bookshop/reviews --uses 3 --ttl 1h',
    'selvedge token create --read-only --name grafana --ttl 720h',
  ])
}

type Wish =
  | { readonly for: string; readonly uses: { readonly uses?: number } }
  | { readonly name: string; readonly role: 'read' | 'write' }

function wishOf({ serviceAccount, readOnly = false, readWrite = false, name, uses }: CreateOptions): Wish {
  if (Number(readOnly) + Number(readWrite) + Number(serviceAccount !== undefined) > 1) {
    throw usageFailure('Cannot make a token of two kinds: give one of --service-account, --read-only and --read-write')
  }
  if (readOnly || readWrite) {
    if (uses !== undefined) throw usageFailure('Cannot count uses of a token for the REST API: leave --uses out')
    return { name: name ?? (readOnly ? 'read-only' : 'read-write'), role: readOnly ? 'read' : 'write' }
  }
  if (name !== undefined) throw usageFailure('Cannot name a join token: --name goes with --read-only or --read-write')
  if (serviceAccount === undefined) {
    throw usageFailure(
      'Cannot make a token for nobody: give --service-account NAMESPACE/NAME, or --read-only for the REST API',
    )
  }
  if (!parseServiceKey(serviceAccount).ok) {
    throw usageFailure(`Cannot use --service-account ${serviceAccount}: write NAMESPACE/NAME, as in bookshop/reviews`)
  }
  return { for: serviceAccount, uses: uses === undefined ? {} : { uses: wholeNumber('--uses', uses) } }
}

interface ListOptions extends ServerOptions {
  readonly output: 'table' | 'json' | 'yaml'
}

const defineList: DefineCommand = (list, cli) => {
  list.description('Lists the tokens that hold, to join with and for the REST API, without their secrets.')
  serverOptions(outputOption(list, ['table', 'json', 'yaml'])).action(async (options: ListOptions) => {
    await withMesh(cli, options, async api => {
      const [tokens, joinTokens] = await Promise.all([api.apiTokens(), api.joinTokens()])
      await print(cli.terminal, options.output, { tokens, joinTokens }, () => {
        if (tokens.length + joinTokens.length === 0) return ['No tokens but the one in admin.token.']
        return tableLines(
          ['ID', 'FOR', 'MAY', 'UNTIL'].map(heading => ({ heading })),
          [
            ...tokens.map(({ id, name, role, expires }) => [id, name, role, expires]),
            ...joinTokens.map(({ id, serviceAccount, usesLeft, expires }) => [
              ...[id, serviceAccount, usesLeft === 1 ? 'join once' : `join ${usesLeft} times`, expires],
            ]),
          ],
        )
      })
    })
  })
  examples(list, ['selvedge token list', 'selvedge token list -o json'])
}

const defineRevoke: DefineCommand = (revoke, cli) => {
  revoke
    .description('Makes a token worthless, from this moment on. A sidecar that has joined with it stays in the mesh.')
    .argument('<id>', 'as "list" tells it')
  serverOptions(revoke).action(async (id: string, options: ServerOptions) => {
    await withMesh(cli, options, async api => {
      const revoked = await api.revokeToken(id)
      const whose = 'name' in revoked ? `the token of ${revoked.name}` : `a join token for ${revoked.serviceAccount}`
      cli.terminal.out(`revoked ${id}, ${whose}\n`)
    })
  })
  examples(revoke, ['selvedge token revoke 3f2a91c07b44'])
}

export function wholeNumber(flag: string, text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < 1)
    throw usageFailure(`Cannot use ${flag} ${text}: give a whole number from 1`)
  return value
}
