import type { Heap } from '../overload/mod.ts'

/** What threads share without a message. Each cell has one writer; a reader sees it a moment later. */
export interface SharedBuffers {
  readonly flags: SharedArrayBuffer
  readonly rows: SharedArrayBuffer
}

/** Written by the main thread. */
const FLAGS = { refusesRequests: 0, refusesConnections: 1, connected: 2 } as const
/** How many workers have collected their garbage, ever: the only cell with several writers, which add one each. */
const COLLECTED = 3
const FLAG_CELLS = 4

/** Written by the worker whose row it is. */
const CELLS = {
  ticks: 0,
  stalledMs: 1,
  heapUsedBytes: 2,
  heapBytesMax: 3,
  accountedBytes: 4,
  inbound: 5,
  outbound: 6,
  made: 7,
} as const
const ROW_CELLS = 8

export function newSharedMemory(workers: number): SharedBuffers {
  return {
    flags: new SharedArrayBuffer(FLAG_CELLS * Int32Array.BYTES_PER_ELEMENT),
    rows: new SharedArrayBuffer(workers * ROW_CELLS * Float64Array.BYTES_PER_ELEMENT),
  }
}

/** The cells, by what they mean. */
export class SharedMemory {
  readonly workers: number
  private readonly flags: Int32Array
  private readonly rows: Float64Array

  constructor({ flags, rows }: SharedBuffers) {
    this.flags = new Int32Array(flags)
    this.rows = new Float64Array(rows)
    this.workers = this.rows.length / ROW_CELLS
  }

  // ---- by the main thread

  setFlag(flag: keyof typeof FLAGS, value: boolean): void {
    Atomics.store(this.flags, FLAGS[flag], value ? 1 : 0)
  }

  heaps(): readonly Heap[] {
    return Array.from({ length: this.workers }, (_, worker) => ({
      usedBytes: this.read(worker, 'heapUsedBytes'),
      // Before the worker has said it, nothing of nothing is used.
      bytesMax: this.read(worker, 'heapBytesMax') || Number.POSITIVE_INFINITY,
      accountedBytes: this.read(worker, 'accountedBytes'),
    }))
  }

  /** Moves with each turn of the worker's clock: one that stands still can't say so itself. */
  ticks(worker: number): number {
    return this.read(worker, 'ticks')
  }

  stalledMs(worker: number): number {
    return this.read(worker, 'stalledMs')
  }

  get collected(): number {
    return Atomics.load(this.flags, COLLECTED)
  }

  /** Stands still until `count` collections have been made in all, or the time is over. */
  awaitCollected(count: number, timeoutMs: number): void {
    const endMs = performance.now() + timeoutMs
    for (;;) {
      const now = this.collected
      const restMs = endMs - performance.now()
      if (now >= count || restMs <= 0) return
      Atomics.wait(this.flags, COLLECTED, now, restMs)
    }
  }

  // ---- by a worker

  flag(flag: keyof typeof FLAGS): boolean {
    return Atomics.load(this.flags, FLAGS[flag]) === 1
  }

  tellTick(worker: number, ticks: number, stalledMs: number): void {
    this.write(worker, 'ticks', ticks)
    this.write(worker, 'stalledMs', stalledMs)
  }

  tellHeap(worker: number, { usedBytes, bytesMax, accountedBytes }: Heap): void {
    this.write(worker, 'heapUsedBytes', usedBytes)
    this.write(worker, 'heapBytesMax', bytesMax)
    this.write(worker, 'accountedBytes', accountedBytes)
  }

  tellCollected(): void {
    Atomics.add(this.flags, COLLECTED, 1)
    Atomics.notify(this.flags, COLLECTED)
  }

  tellConnections(worker: number, inbound: number, outbound: number, made: number): void {
    this.write(worker, 'inbound', inbound)
    this.write(worker, 'outbound', outbound)
    this.write(worker, 'made', made)
  }

  /** What all workers but this one have. */
  connectionsBeside(worker: number, which: 'inbound' | 'outbound' | 'made'): number {
    let sum = 0
    for (let other = 0; other < this.workers; other++) if (other !== worker) sum += this.read(other, which)
    return sum
  }

  private read(worker: number, cell: keyof typeof CELLS): number {
    return this.rows[worker * ROW_CELLS + CELLS[cell]]!
  }

  private write(worker: number, cell: keyof typeof CELLS, value: number): void {
    this.rows[worker * ROW_CELLS + CELLS[cell]] = value
  }
}
