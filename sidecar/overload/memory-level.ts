/** How much of which bound is used. */
export interface MemoryReading {
  /** Which bound it is that comes nearest. `none`: nothing bounds us, and the ratio is 0. */
  readonly of: 'memory-max' | 'cgroup' | 'javascript-heap' | 'none'
  readonly usedBytes: number
  readonly bytesMax: number
  /** 0 to 1, and above it where the bound is soft. */
  readonly ratio: number
}

/** `calm`: all is taken. `tight`: no new connections, idle ones are closed. `full`: requests are answered 503, too. */
export type MemoryLevel = 'calm' | 'tight' | 'full'

/** Below it are the few megabytes that collecting garbage and one more burst need. */
const TIGHT_RATIO = 0.92
const FULL_RATIO = 0.95
/** A state is left this much below where it is entered: closing the idle frees something at once, and must not open the door at once. */
const HYSTERESIS_RATIO = 0.02

/** The next level, from this one and what is used now. */
export function nextLevel(level: MemoryLevel, ratio: number): MemoryLevel {
  const fullFrom = level === 'full' ? FULL_RATIO - HYSTERESIS_RATIO : FULL_RATIO
  if (ratio >= fullFrom) return 'full'
  const tightFrom = level === 'calm' ? TIGHT_RATIO : TIGHT_RATIO - HYSTERESIS_RATIO
  return ratio >= tightFrom ? 'tight' : 'calm'
}
