import { spawnSync } from 'node:child_process'
import { accessSync, constants, readFileSync } from 'node:fs'
import { join } from 'node:path'

export type Backend = 'nft' | 'iptables'
/** `auto`: nft where it works, else iptables. */
export type BackendWish = Backend | 'auto'

export interface ToolEnd {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs a tool of the system to its end, with `input` on its stdin. `undefined`: this machine has no such tool. */
export type ToolRunner = (tool: string, args: readonly string[], input?: string) => ToolEnd | undefined

/** What this machine offers. */
export interface Machine {
  readonly run: ToolRunner
  /** Whether anything can leave or come by IPv6; where nothing can, its iptables for IPv6 may not even work. */
  readonly ipv6: boolean
}

/** A tool that takes longer waits for a lock that nobody gives back. */
const TOOL_MS_MAX = 15_000
const OUTPUT_BYTES_MAX = 64 * 1024 * 1024
/** Where Debian keeps these tools, which not every PATH has. */
const SYSTEM_FOLDERS = ['/usr/sbin', '/sbin', '/usr/bin', '/bin']

export function thisMachine(path: string | undefined): Machine {
  const folders = [...(path ?? '').split(':').filter(folder => folder !== ''), ...SYSTEM_FOLDERS]
  return {
    run: (tool, args, input) => {
      const file = folders.map(folder => join(folder, tool)).find(isExecutable)
      if (file === undefined) return undefined
      const end = spawnSync(file, args, {
        input: input ?? '',
        encoding: 'utf8',
        timeout: TOOL_MS_MAX,
        maxBuffer: OUTPUT_BYTES_MAX,
        env: { PATH: folders.join(':'), LC_ALL: 'C' },
      })
      const why = end.error === undefined ? '' : `${end.error.message}\n`
      return { status: end.status ?? 1, stdout: end.stdout ?? '', stderr: `${why}${end.stderr ?? ''}` }
    },
    ipv6: hasIpv6(readOrEmpty('/proc/net/if_inet6')),
  }
}

/** The first of what it wished for that works here, or why none does. */
export function chooseBackend(wish: BackendWish, { run }: Machine): Backend | { readonly why: string } {
  if (wish !== 'iptables') {
    const nft = run('nft', ['list', 'tables'])
    if (nft !== undefined && (nft.status === 0 || isRefused(nft))) return 'nft'
    if (wish === 'nft')
      return { why: nft === undefined ? 'nft is missing: install nftables' : `nft does not work: ${firstLine(nft)}` }
  }
  if (run('iptables-restore', ['--version']) !== undefined) return 'iptables'
  const tools =
    wish === 'iptables'
      ? 'iptables is missing: install iptables'
      : 'there is neither nft nor iptables: install nftables or iptables'
  return { why: tools }
}

/** What a tool says to somebody who may not change rules. */
export function isRefused({ stderr }: ToolEnd): boolean {
  return /operation not permitted|permission denied|must be root/i.test(stderr)
}

export function firstLine({ stderr, status }: ToolEnd): string {
  const line = stderr.split('\n').find(each => each.trim() !== '')
  return line?.trim() ?? `it ended with status ${status}`
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/**
 * Whether an interface other than the loopback has an IPv6 address, by /proc/net/if_inet6, whose lines end with the interface. Where none has, nothing
 * leaves or comes by IPv6, and the kernel may well have no tables for it.
 */
export function hasIpv6(interfaces: string): boolean {
  return interfaces.split('\n').some(line => line.trim() !== '' && !/\slo$/.test(line))
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    // A kernel without IPv6 has no such file.
    return ''
  }
}
