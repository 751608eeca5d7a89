import { type Command, Option } from 'commander'
import { err, parsePort, type Result } from '../../common/mod.ts'
import { type Cli, type DefineCommand, examples, outputOption } from '../cli.ts'
import { EXIT, usageFailure } from '../failure.ts'
import {
  type BackendWish,
  type CountedRule,
  dryRun,
  type InstalledState,
  install,
  parseCidrs,
  parseIds,
  parsePortRanges,
  REDIRECT_DEFAULTS,
  type RedirectOptions,
  remove,
  show,
  thisMachine,
} from '../intercept/mod.ts'
import { print } from '../print.ts'

interface InstallFlags {
  readonly backend: BackendWish
  readonly sidecarUid?: string
  readonly sidecarGid?: string
  readonly outboundPort: string
  readonly inboundPort: string
  readonly includeOutboundPorts?: string
  readonly excludeOutboundPorts?: string
  readonly includeInboundPorts?: string
  readonly excludeInboundPorts: string
  readonly includeOutboundCidrs?: string
  readonly excludeOutboundCidrs?: string
  readonly dryRun?: true
}

export const defineIntercept: DefineCommand = (command, cli) => {
  defineInstall(command.command('install'), cli)
  const removing = command
    .command('remove')
    .description('Takes the redirect rules away, all of them, whichever tool wrote them.')
    .action(() => {
      const removed = remove(thisMachine(cli.env.inherited.PATH))
      cli.terminal.out(removed ? 'removed the redirect rules\n' : 'there were no redirect rules\n')
    })
  examples(removing, ['selvedge intercept remove'])
  const showing = command
    .command('show')
    .description(
      'Says in words which redirect rules are in force, and how many connections each has decided on. Ends with 1 when they are there in part.',
    )
  outputOption(showing, ['table', 'json', 'yaml']).action(
    async (options: { readonly output: 'table' | 'json' | 'yaml' }) => {
      const { states, half } = show(thisMachine(cli.env.inherited.PATH))
      await print(cli.terminal, options.output, { installed: states, missing: half }, () => [
        ...(states.length === 0 && half.length === 0 ? ['no redirect rules are installed'] : []),
        ...states.flatMap(stateLines),
        ...half.map(what => `incomplete: ${what}; run "selvedge intercept install" again`),
      ])
      if (half.length > 0) cli.exit(EXIT.failed)
    },
  )
  examples(showing, ['selvedge intercept show', 'selvedge intercept show -o json'])
}

function defineInstall(command: Command, cli: Cli): void {
  command
    .description(
      'Has the kernel send all TCP connections of this machine (or pod, or network namespace) through the sidecar, but for its own. In one step, and again in the place of older rules.',
    )
    .addOption(
      new Option('--backend <TOOL>', 'who writes the rules; auto: nft where it works')
        .choices(['auto', 'nft', 'iptables'])
        .default('auto'),
    )
    .option('--sidecar-uid <UIDS>', 'users whose connections are left alone: who the sidecar runs as (default: 1337)')
    .option('--sidecar-gid <GIDS>', 'groups whose connections are left alone (default: 1337, where no user is named)')
    .option('--outbound-port <PORT>', "the sidecar's outbound port", String(REDIRECT_DEFAULTS.outboundPort))
    .option('--inbound-port <PORT>', "the sidecar's inbound port", String(REDIRECT_DEFAULTS.inboundPort))
    .option('--include-outbound-ports <PORTS>', 'redirect only what goes to these, as in 80,8000-8100 (default: all)')
    .option('--exclude-outbound-ports <PORTS>', 'leave alone what goes to these')
    .option('--include-inbound-ports <PORTS>', 'redirect only what comes to these (default: all)')
    .option('--exclude-inbound-ports <PORTS>', 'leave alone what comes to these', '22')
    .option('--include-outbound-cidrs <CIDRS>', 'redirect only what goes there (default: all)')
    .option('--exclude-outbound-cidrs <CIDRS>', 'leave alone what goes there, as in 169.254.169.254,fd00::/8')
    .option('--dry-run', 'print the rules, and change nothing')
    .action((flags: InstallFlags) => {
      const options = redirectOptions(flags)
      const machine = thisMachine(cli.env.inherited.PATH)
      if (flags.dryRun === true) {
        cli.terminal.out(dryRun(options, flags.backend, machine))
        return
      }
      const backend = install(options, flags.backend, machine)
      const families = machine.ipv6 ? 'IPv4 and IPv6' : 'IPv4'
      cli.terminal.out(
        `installed the redirect rules (${backend}; ${families}): outbound to ${options.outboundPort}, inbound to ${options.inboundPort}\n`,
      )
    })
  examples(command, [
    'selvedge intercept install',
    'selvedge intercept install --sidecar-uid 1337 --exclude-outbound-ports 3306 --exclude-inbound-ports 22,9100',
    'selvedge intercept install --dry-run --backend iptables',
  ])
}

function redirectOptions(flags: InstallFlags): RedirectOptions {
  const named = flags.sidecarUid !== undefined || flags.sidecarGid !== undefined
  const options = {
    outboundPort: read('--outbound-port', flags.outboundPort, portOf),
    inboundPort: read('--inbound-port', flags.inboundPort, portOf),
    sidecarUids: named ? read('--sidecar-uid', flags.sidecarUid ?? '', parseIds) : REDIRECT_DEFAULTS.sidecarUids,
    sidecarGids: named ? read('--sidecar-gid', flags.sidecarGid ?? '', parseIds) : REDIRECT_DEFAULTS.sidecarGids,
    includeOutboundPorts: read('--include-outbound-ports', flags.includeOutboundPorts ?? '', parsePortRanges),
    excludeOutboundPorts: read('--exclude-outbound-ports', flags.excludeOutboundPorts ?? '', parsePortRanges),
    includeInboundPorts: read('--include-inbound-ports', flags.includeInboundPorts ?? '', parsePortRanges),
    excludeInboundPorts: read('--exclude-inbound-ports', flags.excludeInboundPorts, parsePortRanges),
    includeOutboundCidrs: read('--include-outbound-cidrs', flags.includeOutboundCidrs ?? '', parseCidrs),
    excludeOutboundCidrs: read('--exclude-outbound-cidrs', flags.excludeOutboundCidrs ?? '', parseCidrs),
  }
  if (options.sidecarUids.length + options.sidecarGids.length === 0) {
    throw usageFailure(
      "Cannot install redirect rules: without the sidecar's user or group, its own connections would come back to it; give --sidecar-uid",
    )
  }
  if (options.outboundPort === options.inboundPort) {
    throw usageFailure('Cannot install redirect rules: --outbound-port and --inbound-port are the same')
  }
  return options
}

function read<T>(flag: string, text: string, parse: (text: string) => Result<T, string>): T {
  const value = parse(text)
  if (value.ok) return value.value
  throw usageFailure(`Cannot use ${flag}: ${value.error}`)
}

function portOf(text: string): Result<number, string> {
  const port = parsePort(/^[0-9]{1,5}$/.test(text) ? Number(text) : 0)
  return port.ok ? port : err(`"${text}" is not a port: use a whole number from 1 to 65535`)
}

function stateLines({ backend, families, rules }: InstalledState): readonly string[] {
  const all = [...rules.outbound, ...rules.inbound]
  const width = Math.max(...all.map(({ words }) => words.length))
  const line = ({ words, redirectedTo, connections }: CountedRule): string => {
    const verdict = redirectedTo === undefined ? 'left alone' : `to port ${redirectedTo}`
    return `  ${verdict.padEnd(13)}  ${words.padEnd(width)}  ${connections}`
  }
  return [
    `redirect rules of ${backend}, for ${families.map(family => `IPv${family}`).join(' and ')}; the first that matches decides; with connections so far`,
    'what leaves this machine:',
    ...rules.outbound.map(line),
    'what comes to this machine:',
    ...rules.inbound.map(line),
  ]
}
