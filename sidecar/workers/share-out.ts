import type { BreakerCounts, BreakerLimits } from '../../decide/breaker/mod.ts'
import type { TrafficSettings } from '../../model/snapshot/mod.ts'

const REQUESTS = 0
const PENDING = 1
const CONNECTIONS = 2
const CELLS = 3

/** Which of how many threads. */
export interface Place {
  readonly worker: number
  readonly workers: number
}

/** The cells of one destination: a row for each thread. */
export function newBreakerCells(workers: number): SharedArrayBuffer {
  return new SharedArrayBuffer(workers * CELLS * Int32Array.BYTES_PER_ELEMENT)
}

/** What one thread has under way to a destination, where the others can see it. A thread writes its own row alone. */
export class SharedBreaker implements BreakerCounts {
  private readonly cells: Int32Array
  private readonly row: number

  constructor(buffer: SharedArrayBuffer, worker: number) {
    this.cells = new Int32Array(buffer)
    this.row = worker * CELLS
  }

  get requests(): number {
    return this.cells[this.row + REQUESTS]!
  }

  set requests(count: number) {
    this.cells[this.row + REQUESTS] = count
  }

  get pending(): number {
    return this.cells[this.row + PENDING]!
  }

  set pending(count: number) {
    this.cells[this.row + PENDING] = count
  }

  get connections(): number {
    return this.cells[this.row + CONNECTIONS]!
  }

  set connections(count: number) {
    this.cells[this.row + CONNECTIONS] = count
  }
}

/**
 * What one thread may have under way: of requests, what the others leave of what is written, so that it holds for the sidecar however
 * unevenly the kernel deals connections out. Two that look at the same moment may both take the last place. Of connections, a share: who
 * keeps one for later would else keep all others from ever having any.
 */
class SharedLimits implements BreakerLimits {
  readonly connectionsMax: number
  private readonly written: BreakerLimits
  private readonly cells: Int32Array
  private readonly worker: number

  constructor(written: BreakerLimits, buffer: SharedArrayBuffer, place: Place) {
    this.written = written
    this.cells = new Int32Array(buffer)
    this.worker = place.worker
    this.connectionsMax = share(written.connectionsMax, place)
  }

  get requestsMax(): number {
    return this.left(this.written.requestsMax, REQUESTS)
  }

  get pendingMax(): number {
    return this.left(this.written.pendingMax, PENDING)
  }

  private left(max: number, which: number): number {
    let left = max
    const own = this.worker * CELLS + which
    for (let cell = which; cell < this.cells.length; cell += CELLS) if (cell !== own) left -= this.cells[cell]!
    return Math.max(0, left)
  }
}

/** What a TrafficPolicy says, for one of the threads: so that together they do what it says. */
export function shareOut(traffic: TrafficSettings, buffer: SharedArrayBuffer, place: Place): TrafficSettings {
  const { minPerSecond, windowMs } = traffic.retryBudget
  // Where the budget's floor allows any retry at all, each thread has one within a window.
  const least = Math.min(minPerSecond, 1_000 / windowMs)
  return {
    ...traffic,
    breaker: new SharedLimits(traffic.breaker, buffer, place),
    retryBudget: { ...traffic.retryBudget, minPerSecond: Math.max(minPerSecond / place.workers, least) },
  }
}

/** Shares differ by one at most, and come to the whole; but none is nothing, unless all is. */
function share(max: number, { worker, workers }: Place): number {
  if (max === 0) return 0
  return Math.max(1, Math.floor((max + worker) / workers))
}
