import { type Cidr, DNS_PORT, MESH_PORTS, type PortRange, type RedirectOptions } from './options.ts'
import { mergeRanges } from './parse.ts'

/** What a rule looks at. */
export type RuleMatch =
  | { readonly kind: 'uid'; readonly id: number }
  | { readonly kind: 'gid'; readonly id: number }
  /** The destination is an address of this machine. */
  | { readonly kind: 'to-local' }
  | { readonly kind: 'to-elsewhere' }
  | { readonly kind: 'from-loopback' }
  /** A TCP connection to one of these ports (empty: to any) of that network (`undefined`: of any). */
  | { readonly kind: 'destination'; readonly ports: readonly PortRange[]; readonly cidr: Cidr | undefined }

/** One step of a chain. All rules see only the first packet of a TCP connection: what is established goes on as it was. */
export interface Rule {
  readonly match: RuleMatch
  /** `leave`: the connection goes where it was going. */
  readonly verdict: { readonly kind: 'leave' } | { readonly kind: 'redirect'; readonly port: number }
  /** For whoever looks at the rules: plain text without quotes, at most WORDS_MAX characters. */
  readonly words: string
}

/** The two chains, each walked from the top until a rule matches. */
export interface RuleSet {
  /** What leaves this machine. */
  readonly outbound: readonly Rule[]
  /** What comes to this machine. */
  readonly inbound: readonly Rule[]
}

/** nft keeps 128 bytes of a comment. */
const WORDS_MAX = 120
const LEAVE = { kind: 'leave' } as const

/** What the options mean, in order. Pure. */
export function redirectRules(options: RedirectOptions): RuleSet {
  const { outboundPort, inboundPort } = options
  const meshPorts = mergeRanges([...MESH_PORTS, outboundPort, inboundPort].map(one))
  const notOutbound = mergeRanges([one(DNS_PORT), ...meshPorts])
  return {
    outbound: [
      ...options.sidecarUids.map(id => leave({ kind: 'uid', id }, `connections of the sidecar: user ${id}`)),
      ...options.sidecarGids.map(id => leave({ kind: 'gid', id }, `connections of the sidecar: group ${id}`)),
      leave({ kind: 'to-local' }, 'to this machine itself, by any of its addresses'),
      leave(toPorts(notOutbound), `to ports of DNS and of the mesh: ${rangesText(notOutbound)}`),
      ...excluded(options.excludeOutboundPorts, 'to'),
      ...options.excludeOutboundCidrs.map(cidr =>
        leave({ kind: 'destination', ports: [], cidr }, `to an excluded network: ${cidr.text}`),
      ),
      ...(options.includeOutboundCidrs.length === 0 ? [undefined] : options.includeOutboundCidrs).map(cidr =>
        redirect(options.includeOutboundPorts, cidr, outboundPort, 'to'),
      ),
    ],
    inbound: [
      leave({ kind: 'from-loopback' }, 'from this machine itself'),
      leave({ kind: 'to-elsewhere' }, 'passing through to another machine'),
      leave(toPorts(meshPorts), `at ports of the mesh: ${rangesText(meshPorts)}`),
      ...excluded(options.excludeInboundPorts, 'at'),
      redirect(options.includeInboundPorts, undefined, inboundPort, 'at'),
    ],
  }
}

function one(port: number): PortRange {
  return { from: port, to: port }
}

function leave(match: RuleMatch, words: string): Rule {
  return { match, verdict: LEAVE, words: shortened(words) }
}

function excluded(ports: readonly PortRange[], where: string): readonly Rule[] {
  return ports.length === 0 ? [] : [leave(toPorts(ports), `${where} excluded ports: ${rangesText(ports)}`)]
}

function toPorts(ports: readonly PortRange[]): RuleMatch {
  return { kind: 'destination', ports, cidr: undefined }
}

function redirect(ports: readonly PortRange[], cidr: Cidr | undefined, port: number, where: string): Rule {
  const named = [
    ...(cidr === undefined ? [] : [`to network ${cidr.text}`]),
    ...(ports.length === 0 ? [] : [`${where} ports ${rangesText(ports)}`]),
  ]
  return {
    match: { kind: 'destination', ports, cidr },
    verdict: { kind: 'redirect', port },
    words: named.length === 0 ? 'everything else' : shortened(named.join(', ')),
  }
}

function rangesText(ranges: readonly PortRange[]): string {
  return ranges.map(({ from, to }) => (from === to ? `${from}` : `${from}-${to}`)).join(', ')
}

function shortened(words: string): string {
  return words.length <= WORDS_MAX ? words : `${words.slice(0, WORDS_MAX - 3)}...`
}
