import { IPTABLES_CHAINS } from './iptables-text.ts'

/** A rule that is in force, in words, and how many connections it has decided on. */
export interface CountedRule {
  readonly words: string
  /** `undefined`: they go where they were going. */
  readonly redirectedTo: number | undefined
  readonly connections: number
}

export interface InstalledRules {
  readonly outbound: readonly CountedRule[]
  readonly inbound: readonly CountedRule[]
}

/** Reads `nft -j list table inet selvedge`; `undefined` where it is not what we have written. */
export function readNftRules(json: string): InstalledRules | undefined {
  const found = { outbound: [] as CountedRule[], inbound: [] as CountedRule[] }
  let document: unknown
  try {
    document = JSON.parse(json)
  } catch {
    return undefined
  }
  for (const entry of list(at(document, 'nftables'))) {
    const rule = at(entry, 'rule')
    const words = at(rule, 'comment')
    const counter = list(at(rule, 'expr'))
      .map(expression => at(expression, 'counter'))
      .find(one => one !== undefined)
    const chain = at(rule, 'chain')
    if (typeof words !== 'string' || counter === undefined || (chain !== 'outbound' && chain !== 'inbound')) continue
    const redirect = list(at(rule, 'expr'))
      .map(expression => at(expression, 'redirect'))
      .find(one => one !== undefined)
    const port = at(redirect, 'port')
    found[chain].push({
      words,
      redirectedTo: typeof port === 'number' ? port : undefined,
      connections: Number(at(counter, 'packets')),
    })
  }
  return found.outbound.length === 0 && found.inbound.length === 0 ? undefined : found
}

/** Reads `iptables-save -c -t nat` of one family; `undefined` where nothing in it is ours, `half` where a chain or its jump is missing. */
export function readIptablesRules(saved: string): InstalledRules | 'half' | undefined {
  const lines = saved.split('\n')
  const ours = Object.values(IPTABLES_CHAINS)
  const chains = ours.filter(chain => lines.some(line => line.startsWith(`:${chain} `)))
  if (chains.length === 0) return undefined
  const jumps = ours.filter(chain => lines.some(line => line.includes('-A ') && line.endsWith(` -j ${chain}`)))
  const rules = {
    outbound: countedOf(lines, IPTABLES_CHAINS.OUTPUT),
    inbound: countedOf(lines, IPTABLES_CHAINS.PREROUTING),
  }
  const whole = chains.length === ours.length && jumps.length === ours.length
  return whole && rules.outbound.length > 0 && rules.inbound.length > 0 ? rules : 'half'
}

function countedOf(lines: readonly string[], chain: string): readonly CountedRule[] {
  return lines.flatMap(line => {
    const match = /^\[([0-9]+):[0-9]+\] -A (\S+) .*--comment (?:"([^"]*)"|(\S+))(.*)$/.exec(line)
    if (match === null || match[2] !== chain) return []
    const port = /--to-ports ([0-9]+)/.exec(match[5] ?? '')?.[1]
    return [
      {
        words: match[3] ?? match[4] ?? '',
        redirectedTo: port === undefined ? undefined : Number(port),
        connections: Number(match[1]),
      },
    ]
  })
}

function at(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}
