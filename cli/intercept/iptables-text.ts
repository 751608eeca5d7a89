import type { PortRange } from './options.ts'
import type { Rule, RuleMatch, RuleSet } from './rules.ts'

/** The chains that are ours, in the table `nat` of each family, and what jumps to them. */
export const IPTABLES_CHAINS = { OUTPUT: 'SELVEDGE_OUTBOUND', PREROUTING: 'SELVEDGE_INBOUND' } as const
/** What `multiport` takes in one rule; a range counts twice. */
const MULTIPORT_MAX = 15

/**
 * What `iptables-restore --noflush` of one family takes: a transaction. A chain that is declared is emptied or made; jumps to it are added
 * where `saved`, the output of `iptables-save -t nat`, has none.
 */
export function iptablesInstall({ outbound, inbound }: RuleSet, family: 4 | 6, saved: string): string {
  const chains = Object.values(IPTABLES_CHAINS)
  const missing = Object.entries(IPTABLES_CHAINS).filter(
    ([, ours]) => !saved.split('\n').some(line => jumpsTo(line, ours)),
  )
  return [
    '*nat',
    ...chains.map(chain => `:${chain} - [0:0]`),
    ...chainText(IPTABLES_CHAINS.OUTPUT, outbound, family),
    ...chainText(IPTABLES_CHAINS.PREROUTING, inbound, family),
    ...missing.map(([hook, ours]) => `-A ${hook} -p tcp -m tcp --syn -j ${ours}`),
    'COMMIT',
    '',
  ].join('\n')
}

/** What undoes it; `undefined` where `saved` has nothing of ours. */
export function iptablesRemove(saved: string): string | undefined {
  const lines = saved.split('\n')
  const chains = Object.values(IPTABLES_CHAINS).filter(chain => lines.some(line => line.startsWith(`:${chain} `)))
  if (chains.length === 0) return undefined
  const jumps = lines.filter(line => line.startsWith('-A ') && chains.some(chain => jumpsTo(line, chain)))
  return [
    '*nat',
    ...jumps.map(line => line.replace(/^-A /, '-D ')),
    ...chains.map(chain => `-F ${chain}`),
    ...chains.map(chain => `-X ${chain}`),
    'COMMIT',
    '',
  ].join('\n')
}

function jumpsTo(line: string, chain: string): boolean {
  return line.startsWith('-A ') && line.endsWith(` -j ${chain}`)
}

function chainText(chain: string, rules: readonly Rule[], family: 4 | 6): readonly string[] {
  return rules.flatMap(rule =>
    matchTexts(rule.match, family).map(match => {
      const action = rule.verdict.kind === 'leave' ? 'RETURN' : `REDIRECT --to-ports ${rule.verdict.port}`
      return [`-A ${chain}`, ...match, `-m comment --comment "${rule.words}"`, `-j ${action}`].join(' ')
    }),
  )
}

/** One list of words for each rule that it takes; none where the match can't be one of the family. */
function matchTexts(match: RuleMatch, family: 4 | 6): readonly (readonly string[])[] {
  switch (match.kind) {
    case 'uid':
      return [[`-m owner --uid-owner ${match.id}`]]
    case 'gid':
      return [[`-m owner --gid-owner ${match.id}`]]
    case 'to-local':
      return [['-m addrtype --dst-type LOCAL']]
    case 'to-elsewhere':
      return [['-m addrtype ! --dst-type LOCAL']]
    case 'from-loopback':
      return [['-i lo']]
    case 'destination': {
      const { ports, cidr } = match
      if (cidr !== undefined && cidr.family !== family) return []
      const network = cidr === undefined ? [] : [`-d ${cidr.text}`]
      if (ports.length === 0) return [[...network, '-p tcp']]
      return portGroups(ports).map(group => [...network, `-p tcp -m multiport --dports ${group}`])
    }
  }
}

function portGroups(ranges: readonly PortRange[]): readonly string[] {
  const groups: string[] = []
  let group: string[] = []
  let room = MULTIPORT_MAX
  for (const { from, to } of ranges) {
    const cost = from === to ? 1 : 2
    if (cost > room) {
      groups.push(group.join(','))
      group = []
      room = MULTIPORT_MAX
    }
    group.push(from === to ? `${from}` : `${from}:${to}`)
    room -= cost
  }
  if (group.length > 0) groups.push(group.join(','))
  return groups
}
