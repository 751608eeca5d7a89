import { isIPv4, isIPv6 } from 'node:net'
import { err, ok, type Result } from '../../common/mod.ts'
import type { Cidr, PortRange } from './options.ts'

/** Ranges in one list, users and CIDRs likewise: more than a person writes, few enough for a rule set that the kernel walks. */
const ENTRIES_MAX = 256
const ID_MAX = 2 ** 32 - 2

/** `80,443,8000-8100`; sorted, without overlap. Empty text is an empty list. */
export function parsePortRanges(text: string): Result<readonly PortRange[], string> {
  const ranges: PortRange[] = []
  for (const part of parts(text)) {
    const match = /^([0-9]{1,5})(?:[-:]([0-9]{1,5}))?$/.exec(part)
    const from = Number(match?.[1] ?? 0)
    const to = Number(match?.[2] ?? from)
    if (match === null || from < 1 || to > 65_535 || to < from) {
      return err(`"${part}" is neither a port nor a range of ports: write 80,443,8000-8100`)
    }
    ranges.push({ from, to })
  }
  if (ranges.length > ENTRIES_MAX) return err(`there are ${ranges.length} ranges, more than ${ENTRIES_MAX}`)
  return ok(mergeRanges(ranges))
}

/** Sorted, without overlap: sets of nft have none. */
export function mergeRanges(ranges: readonly PortRange[]): readonly PortRange[] {
  const merged: PortRange[] = []
  for (const range of ranges.toSorted((a, b) => a.from - b.from)) {
    const last = merged.at(-1)
    if (last !== undefined && range.from <= last.to + 1) {
      merged[merged.length - 1] = { from: last.from, to: Math.max(last.to, range.to) }
    } else merged.push(range)
  }
  return merged
}

/** `1337` or `1337,1000`: numbers, as a container may know the names of none. */
export function parseIds(text: string): Result<readonly number[], string> {
  const ids = new Set<number>()
  for (const part of parts(text)) {
    const id = /^[0-9]{1,10}$/.test(part) ? Number(part) : Number.NaN
    if (!(id <= ID_MAX)) return err(`"${part}" is not the number of a user or group`)
    ids.add(id)
  }
  if (ids.size > ENTRIES_MAX) return err(`there are ${ids.size}, more than ${ENTRIES_MAX}`)
  return ok([...ids].sort((a, b) => a - b))
}

/** `10.0.0.0/8,fd00::/8`; an address alone is that one. Bits beyond the prefix are cleared by the kernel's tools. */
export function parseCidrs(text: string): Result<readonly Cidr[], string> {
  const cidrs: Cidr[] = []
  for (const part of parts(text)) {
    const [address = '', prefix, ...more] = part.split('/')
    const family = isIPv4(address) ? 4 : 6
    const bits = family === 4 ? 32 : 128
    const length = prefix === undefined ? bits : /^[0-9]{1,3}$/.test(prefix) ? Number(prefix) : Number.NaN
    if ((family === 6 && !isIPv6(address)) || address.includes('%') || !(length <= bits) || more.length > 0) {
      return err(`"${part}" is not a CIDR: write 10.0.0.0/8 or fd00::/8`)
    }
    cidrs.push({ family, text: `${address}/${length}` })
  }
  if (cidrs.length > ENTRIES_MAX) return err(`there are ${cidrs.length} CIDRs, more than ${ENTRIES_MAX}`)
  return ok(cidrs)
}

function parts(text: string): readonly string[] {
  return text
    .split(',')
    .map(part => part.trim())
    .filter(part => part !== '')
}
