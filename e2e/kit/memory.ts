import { readFileSync } from 'node:fs'
import { pause } from './eventually.ts'

export interface Memory {
  /** What is the process's own: written by it, shared with nobody. */
  readonly privateDirtyKb: number
  readonly residentKb: number
}

const LOOK_EVERY_MS = 1_000

/** From Linux's /proc, in units of 1024 bytes. */
export function memoryOf(pid: number): Memory {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
  const kb = (name: string): number => Number(new RegExp(`^${name}: +([0-9]+) kB$`, 'm').exec(rollup)?.[1])
  return { privateDirtyKb: kb('Private_Dirty'), residentKb: kb('Rss') }
}

/** What is resident, cheaply: to look often. Units of 1024 bytes. */
export function residentKb(pid: number): number {
  return Number(/^VmRSS:\s+([0-9]+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])
}

/** The least of its own memory that a process is seen with within `withinMs` of rest: garbage is collected when V8 finds the time. */
export async function restingKb(pid: number, withinMs: number): Promise<number> {
  let leastKb = memoryOf(pid).privateDirtyKb
  for (let waitedMs = 0; waitedMs < withinMs; waitedMs += LOOK_EVERY_MS) {
    await pause(LOOK_EVERY_MS)
    leastKb = Math.min(leastKb, memoryOf(pid).privateDirtyKb)
  }
  return leastKb
}
