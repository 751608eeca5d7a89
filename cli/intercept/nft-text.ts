import type { PortRange } from './options.ts'
import type { Rule, RuleMatch, RuleSet } from './rules.ts'

/** The one table that is ours, for both families. */
export const NFT_TABLE = 'selvedge'

/**
 * What `nft -f -` takes: one transaction that puts our table in the place of an older one, or leaves everything as it was. (To delete a table
 * that isn't there is an error; to add one that is there is none.)
 */
export function nftInstall({ outbound, inbound }: RuleSet): string {
  return [
    ...clearing(),
    `table inet ${NFT_TABLE} {`,
    ...chain('outbound', 'output', outbound),
    '',
    ...chain('inbound', 'prerouting', inbound),
    '}',
    '',
  ].join('\n')
}

/** Leaves nothing behind, whether there was something or not. */
export function nftRemove(): string {
  return [...clearing(), ''].join('\n')
}

function clearing(): readonly string[] {
  return [`add table inet ${NFT_TABLE}`, `delete table inet ${NFT_TABLE}`]
}

function chain(name: string, hook: string, rules: readonly Rule[]): readonly string[] {
  return [
    `  chain ${name} {`,
    `    type nat hook ${hook} priority -100; policy accept;`,
    '    meta l4proto != tcp return comment "all but TCP"',
    '    tcp flags & (fin | syn | rst | ack) != syn return comment "connections that are established already"',
    ...rules.map(rule => `    ${ruleText(rule)}`),
    '  }',
  ]
}

function ruleText({ match, verdict, words }: Rule): string {
  const action = verdict.kind === 'leave' ? 'return' : `redirect to :${verdict.port}`
  return [...matchText(match), 'counter', action, `comment "${words}"`].join(' ')
}

function matchText(match: RuleMatch): readonly string[] {
  switch (match.kind) {
    case 'uid':
      return [`meta skuid ${match.id}`]
    case 'gid':
      return [`meta skgid ${match.id}`]
    case 'to-local':
      return ['fib daddr type local']
    case 'to-elsewhere':
      return ['fib daddr type != local']
    case 'from-loopback':
      return ['iifname "lo"']
    case 'destination': {
      const { ports, cidr } = match
      const network = cidr === undefined ? [] : [`${cidr.family === 4 ? 'ip' : 'ip6'} daddr ${cidr.text}`]
      return [...network, ports.length === 0 ? 'meta l4proto tcp' : `tcp dport ${setText(ports)}`]
    }
  }
}

function setText(ranges: readonly PortRange[]): string {
  return `{ ${ranges.map(({ from, to }) => (from === to ? `${from}` : `${from}-${to}`)).join(', ')} }`
}
