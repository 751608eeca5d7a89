import { readFileSync } from 'node:fs'

/** What a process, with all that it has started, has used since it began. */
export interface Usage {
  readonly userUs: number
  readonly systemUs: number
  /** Resident memory now. */
  readonly rssBytes: number
}

/** /proc counts in USER_HZ, which is 100 on every Linux that Node runs on. */
const TICK_US = 10_000

/** Reads /proc/PID/stat and /proc/PID/status of the processes and of all below them; one that is gone counts as nothing. */
export function usageOf(pids: readonly number[]): Usage {
  let userUs = 0
  let systemUs = 0
  let rssBytes = 0
  for (const pid of new Set(pids.flatMap(family))) {
    const stat = readProc(`${pid}/stat`)
    const status = readProc(`${pid}/status`)
    if (stat === undefined || status === undefined) continue
    const ticks = parseStat(stat)
    userUs += ticks.user * TICK_US
    systemUs += ticks.system * TICK_US
    rssBytes += parseRssKb(status) * 1024
  }
  return { userUs, systemUs, rssBytes }
}

/** proc_pid_stat(5): fields 14 and 15. The command in parentheses may hold spaces and parentheses of its own. */
export function parseStat(text: string): { readonly user: number; readonly system: number } {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return { user: Number(fields[11]), system: Number(fields[12]) }
}

export function parseRssKb(status: string): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0)
}

/** nginx forks its worker: the work is the child's. A launcher may stand before a program. */
function family(pid: number): number[] {
  return [pid, ...childrenOf(pid).flatMap(family)]
}

function childrenOf(pid: number): number[] {
  const text = readProc(`${pid}/task/${pid}/children`) ?? ''
  return text.split(' ').filter(Boolean).map(Number)
}

function readProc(path: string): string | undefined {
  try {
    return readFileSync(`/proc/${path}`, 'utf8')
  } catch {
    return undefined
  }
}
