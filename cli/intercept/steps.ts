import { CliFailure } from '../failure.ts'
import {
  type Backend,
  type BackendWish,
  chooseBackend,
  firstLine,
  isRefused,
  type Machine,
  type ToolEnd,
} from './backend.ts'
import { type InstalledRules, readIptablesRules, readNftRules } from './installed.ts'
import { iptablesInstall, iptablesRemove } from './iptables-text.ts'
import { NFT_TABLE, nftInstall, nftRemove } from './nft-text.ts'
import type { RedirectOptions } from './options.ts'
import { redirectRules } from './rules.ts'

type Family = 4 | 6
type Doing = 'install' | 'remove' | 'look at'

/** What is in force of one backend. nft has one table for both families. */
export interface InstalledState {
  readonly backend: Backend
  readonly families: readonly Family[]
  readonly rules: InstalledRules
}

/** All that is in force. `half`: somebody has taken away a part, or an installation was killed on its way. */
export interface Look {
  readonly states: readonly InstalledState[]
  readonly half: readonly string[]
}

/** Seconds to wait for whoever else changes rules. */
const LOCK_S = '10'
const TOOLS = { 4: 'iptables', 6: 'ip6tables' } as const

/**
 * Puts the rules in force, in the place of older ones of ours, of the other backend, too. With nft that is one step for both families; with
 * iptables one for each, and where the second fails the first is taken back. Throws a CliFailure: one sentence.
 */
export function install(options: RedirectOptions, wish: BackendWish, machine: Machine): Backend {
  const backend = chosen('install', wish, machine)
  const rules = redirectRules(options)
  if (backend === 'nft') {
    must('install', machine.run('nft', ['-f', '-'], nftInstall(rules)), 'nft')
    removeIptables(machine)
    return backend
  }
  const done: Family[] = []
  for (const family of familiesOf(machine)) {
    const saved = savedOf(machine, family)
    const end = saved.status === 0 ? restore(machine, family, iptablesInstall(rules, family, saved.stdout)) : saved
    if (end.status === 0) done.push(family)
    else {
      for (const other of done) removeFamily(machine, other)
      throw failure('install', `${TOOLS[family]}-restore`, end)
    }
  }
  removeNft(machine)
  return backend
}

/** Takes away all that is ours, of both backends. Says whether there was anything. */
export function remove(machine: Machine): boolean {
  return [removeNft(machine), removeIptables(machine)].includes(true)
}

/** What is in force. */
export function show(machine: Machine): Look {
  const states: InstalledState[] = []
  const half: string[] = []
  const nft = listNft('look at', machine)
  if (nft !== undefined) {
    const rules = readNftRules(nft)
    if (rules === undefined) half.push(`the nft table "${NFT_TABLE}" holds no rules`)
    else states.push({ backend: 'nft', families: [4, 6], rules })
  }
  const found = { 4: iptablesOf(machine, 4), 6: iptablesOf(machine, 6) }
  for (const family of [4, 6] as const) {
    const rules = found[family]
    if (rules === 'half') half.push(`the rules of ${TOOLS[family]} are there in part`)
    else if (rules !== undefined) states.push({ backend: 'iptables', families: [family], rules })
  }
  const families = states.flatMap(state => state.families)
  for (const family of familiesOf(machine)) {
    if (states.length > 0 && !families.includes(family) && found[family] === undefined)
      half.push(`IPv${family} has no rules`)
  }
  return { states, half }
}

/** The text that `install` would hand to the tools; nothing is looked at but which of them there are. */
export function dryRun(options: RedirectOptions, wish: BackendWish, machine: Machine): string {
  const rules = redirectRules(options)
  const backend = wish === 'auto' ? (machine.run('nft', ['--version']) === undefined ? 'iptables' : 'nft') : wish
  if (backend === 'nft') return `# nft -f -\n${nftInstall(rules)}`
  return ([4, 6] as const)
    .map(family => `# ${TOOLS[family]}-restore --noflush\n${iptablesInstall(rules, family, '')}`)
    .join('')
}

function chosen(doing: Doing, wish: BackendWish, machine: Machine): Backend {
  const backend = chooseBackend(wish, machine)
  if (typeof backend === 'string') return backend
  throw new CliFailure(`Cannot ${doing} redirect rules: ${backend.why}`)
}

/** IPv4 first: it is what everybody has. */
function familiesOf({ ipv6 }: Machine): readonly Family[] {
  return ipv6 ? [4, 6] : [4]
}

function savedOf(machine: Machine, family: Family): ToolEnd {
  return must('install', machine.run(`${TOOLS[family]}-save`, ['-t', 'nat']), `${TOOLS[family]}-save`, false)
}

function restore(machine: Machine, family: Family, text: string): ToolEnd {
  const tool = `${TOOLS[family]}-restore`
  return must('install', machine.run(tool, ['-w', LOCK_S, '--noflush'], text), tool, false)
}

/** The text of our nft table as JSON; `undefined`: there is none, or no nft. */
function listNft(doing: Doing, machine: Machine): string | undefined {
  const end = machine.run('nft', ['-j', 'list', 'table', 'inet', NFT_TABLE])
  if (end === undefined || (end.status !== 0 && /no such file/i.test(end.stderr))) return undefined
  if (end.status !== 0 && !isRefused(end)) return undefined
  return must(doing, end, 'nft').stdout
}

function iptablesOf(machine: Machine, family: Family): InstalledRules | 'half' | undefined {
  const end = machine.run(`${TOOLS[family]}-save`, ['-c', '-t', 'nat'])
  if (end !== undefined && isRefused(end)) throw failure('look at', `${TOOLS[family]}-save`, end)
  return end?.status === 0 ? readIptablesRules(end.stdout) : undefined
}

function removeNft(machine: Machine): boolean {
  if (listNft('remove', machine) === undefined) return false
  must('remove', machine.run('nft', ['-f', '-'], nftRemove()), 'nft')
  return true
}

function removeIptables(machine: Machine): boolean {
  return ([4, 6] as const).map(family => removeFamily(machine, family)).includes(true)
}

function removeFamily(machine: Machine, family: Family): boolean {
  const saved = machine.run(`${TOOLS[family]}-save`, ['-t', 'nat'])
  if (saved !== undefined && isRefused(saved)) throw failure('remove', `${TOOLS[family]}-save`, saved)
  const text = saved?.status === 0 ? iptablesRemove(saved.stdout) : undefined
  if (text === undefined) return false
  const tool = `${TOOLS[family]}-restore`
  must('remove', machine.run(tool, ['-w', LOCK_S, '--noflush'], text), tool)
  return true
}

function must(doing: Doing, end: ToolEnd | undefined, tool: string, whole = true): ToolEnd {
  if (end === undefined)
    throw new CliFailure(`Cannot ${doing} redirect rules: ${tool} is missing; install it, or choose --backend`)
  if (whole && end.status !== 0) throw failure(doing, tool, end)
  return end
}

function failure(doing: Doing, tool: string, end: ToolEnd): CliFailure {
  return new CliFailure(
    isRefused(end)
      ? `Cannot ${doing} redirect rules: not permitted; run it as root, or with the capability NET_ADMIN`
      : `Cannot ${doing} redirect rules: ${tool} says: ${firstLine(end)}`,
  )
}
