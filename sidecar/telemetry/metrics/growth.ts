import type { Instruments } from './instruments.ts'
import type { Meter, MeterLabels } from './meter.ts'
import type { Meters } from './meters.ts'

/** What one meter has grown by. Plain, so that a thread can hand it to another. */
export interface MeterGrowth {
  readonly labels: MeterLabels
  readonly requests: number
  readonly successes: number
  readonly retries: number
  readonly requestBytes: number
  readonly answerBytes: number
  readonly latencySumUs: number
  /** Cell and count, of those that have grown. */
  readonly latency: readonly (readonly [cell: number, count: number])[]
  /** As a meter keeps them: status and cause in one number. */
  readonly codes: readonly (readonly [code: number, count: number])[]
}

/** What the counters of a thread have grown by. Gauges are no part of it. */
export interface Growth {
  readonly meters: readonly MeterGrowth[]
  readonly attempts: Instruments['attempts']
  readonly refusals: Instruments['refusals']
  readonly detections: Instruments['detections']
  readonly ejections: number
  readonly brokenExchanges: number
}

/** What a meter stood at when it was looked at last. */
interface Seen {
  requests: number
  successes: number
  retries: number
  requestBytes: number
  answerBytes: number
  latencySumUs: number
  readonly latency: Uint32Array
  readonly codes: Map<number, number>
}

/** Looks at meters that only grow, and tells what came since the last look. Costs a request nothing. */
export class MeterWatch {
  private readonly meters: Meters
  // A meter that has expired takes with it what was seen of it.
  private readonly seen = new WeakMap<Meter, Seen>()

  constructor(meters: Meters) {
    this.meters = meters
  }

  /** Of those that have grown. */
  *take(direction?: MeterLabels['direction']): Generator<MeterGrowth> {
    for (const meter of this.meters.all()) {
      if (direction !== undefined && meter.labels.direction !== direction) continue
      const growth = this.since(meter)
      if (growth !== undefined) yield growth
    }
  }

  private since(meter: Meter): MeterGrowth | undefined {
    const before = this.seenOf(meter)
    const requests = meter.requests - before.requests
    if (requests === 0) return undefined
    const latency: [number, number][] = []
    for (let cell = 0; cell < meter.latency.length; cell++) {
      const count = meter.latency[cell]! - before.latency[cell]!
      if (count !== 0) latency.push([cell, count])
    }
    const codes: [number, number][] = []
    for (const [code, count] of meter.codes) {
      const more = count - (before.codes.get(code) ?? 0)
      if (more === 0) continue
      codes.push([code, more])
      before.codes.set(code, count)
    }
    const growth = {
      labels: meter.labels,
      requests,
      successes: meter.successes - before.successes,
      retries: meter.retries - before.retries,
      requestBytes: meter.requestBytes - before.requestBytes,
      answerBytes: meter.answerBytes - before.answerBytes,
      latencySumUs: meter.latencySumUs - before.latencySumUs,
      latency,
      codes,
    }
    const { successes, retries, requestBytes, answerBytes, latencySumUs } = meter
    Object.assign(before, { requests: meter.requests, successes, retries, requestBytes, answerBytes, latencySumUs })
    before.latency.set(meter.latency)
    return growth
  }

  private seenOf(meter: Meter): Seen {
    let seen = this.seen.get(meter)
    if (seen === undefined) {
      seen = {
        ...{ requests: 0, successes: 0, retries: 0, requestBytes: 0, answerBytes: 0, latencySumUs: 0 },
        latency: new Uint32Array(meter.latency.length),
        codes: new Map(),
      }
      this.seen.set(meter, seen)
    }
    return seen
  }
}

/** Tells what all counters of a thread have grown by since the last time. The plain ones begin anew: nobody else reads them there. */
export class GrowthWatch {
  private readonly instruments: Instruments
  private readonly meters: MeterWatch

  constructor(instruments: Instruments) {
    this.instruments = instruments
    this.meters = new MeterWatch(instruments.meters)
  }

  take(): Growth {
    const { instruments } = this
    const growth: Growth = {
      meters: [...this.meters.take()],
      attempts: new Map(instruments.attempts),
      refusals: new Map(instruments.refusals),
      detections: new Map(instruments.detections),
      ejections: instruments.ejections,
      brokenExchanges: instruments.brokenExchanges,
    }
    for (const counts of [instruments.attempts, instruments.refusals, instruments.detections]) counts.clear()
    instruments.ejections = 0
    instruments.brokenExchanges = 0
    return growth
  }
}

/** Adds what another thread has counted. */
export function addGrowth(instruments: Instruments, growth: Growth): void {
  for (const meter of growth.meters) addToMeter(instruments.meters.of(meter.labels), meter)
  addCounts(instruments.attempts, growth.attempts)
  addCounts(instruments.refusals, growth.refusals)
  addCounts(instruments.detections, growth.detections)
  instruments.ejections += growth.ejections
  instruments.brokenExchanges += growth.brokenExchanges
}

function addToMeter(meter: Meter, growth: MeterGrowth): void {
  meter.requests += growth.requests
  meter.successes += growth.successes
  meter.retries += growth.retries
  meter.requestBytes += growth.requestBytes
  meter.answerBytes += growth.answerBytes
  meter.latencySumUs += growth.latencySumUs
  for (const [cell, count] of growth.latency) meter.latency[cell]! += count
  addCounts(meter.codes, growth.codes)
}

function addCounts<Key>(to: Map<Key, number>, counts: Iterable<readonly [Key, number]>): void {
  for (const [key, count] of counts) to.set(key, (to.get(key) ?? 0) + count)
}
