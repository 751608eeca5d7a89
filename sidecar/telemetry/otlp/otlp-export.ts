import type { CollectorEndpoint, Random } from '../../../common/mod.ts'
import type { KeptSpan, SpanExport } from '../mod.ts'
import { OutageLog } from './outage-log.ts'

/** Spans that wait: at about 1 KiB each, 2 MiB. What comes on top is dropped and counted, as the SDK's own processor does. */
const QUEUE_SPANS_MAX = 2_048
/** Spans in one request. Making the message takes about 20 us a span (measured), in which nothing else runs: 64 are little more than a millisecond. */
const BATCH_SPANS_MAX = 64
/** How long the first span of a batch waits for others. */
const BATCH_MS = 1_000
/** A delivery that takes longer is given up. The exporter's own limit is half of it; this one also ends an answer that drips. */
const DELIVERY_MS_MAX = 10_000
/** A batch that can't be delivered is tried again so often, over about a minute. */
const RETRIES_MAX = 5
const BACKOFF_MS_MIN = 1_000
const BACKOFF_MS_MAX = 30_000
/** Where there is no collector any more, and where the sidecar ends: what is queued may still go. A sidecar has a second to close. */
const FLUSH_MS = 700

/** How a batch fared. `refused`: trying again would not help. */
export type Delivery =
  | { readonly kind: 'taken' }
  | { readonly kind: 'refused'; readonly why: string }
  | { readonly kind: 'failed'; readonly why: string }

/** A way to one collector. */
export interface Collector {
  /** Never rejects. One at a time. */
  deliver(spans: readonly KeptSpan[]): Promise<Delivery>
  /** Breaks off what is under way. */
  close(): void
}

/** Who the spans are of. */
export interface ExportIdentity {
  readonly serviceName: string
  readonly namespace: string
  /** `namespace/name` of the workload. */
  readonly instance: string
  /** Of the sidecar. */
  readonly version: string
}

export type OpenCollector = (endpoint: CollectorEndpoint, identity: ExportIdentity) => Promise<Collector>

export interface OtlpExportOptions {
  readonly open: OpenCollector
  readonly random: Random
  nowMs(): number
  readonly log: { info(message: string): void; warn(message: string): void }
}

interface Target {
  readonly endpoint: CollectorEndpoint
  readonly identity: ExportIdentity
  collector: Promise<Collector>
}

/** Why spans never came to a collector. */
export type DropReason = 'queue-full' | 'refused' | 'unreachable' | 'closed'

/** The queue of spans to the collector that the policy names, and what empties it. A request that leaves a span here pays for an array's push. */
export class OtlpExport implements SpanExport {
  exported = 0
  readonly dropped: Record<DropReason, number> = { 'queue-full': 0, refused: 0, unreachable: 0, closed: 0 }
  wanted = false
  private readonly options: OtlpExportOptions
  private readonly outage: OutageLog
  private queue: KeptSpan[] = []
  private target: Target | undefined = undefined
  private pumping = false
  /** What has a batch now. */
  private busy: Target | undefined = undefined
  /** Wakes the pump early. */
  private wake: (() => void) | undefined = undefined
  private batchTimer: NodeJS.Timeout | undefined = undefined
  private failuresInARow = 0
  private closing = false
  /** Who waits for the pump to have nothing to do. */
  private readonly idlers: (() => void)[] = []

  constructor(options: OtlpExportOptions) {
    this.options = options
    this.outage = new OutageLog(options.log, options.nowMs)
  }

  add(span: KeptSpan): void {
    if (this.queue.length >= QUEUE_SPANS_MAX) {
      this.dropped['queue-full']++
      return
    }
    this.queue.push(span)
    if (this.pumping) return
    if (this.queue.length >= BATCH_SPANS_MAX) this.start()
    else this.batchTimer ??= setTimeout(() => this.start(), BATCH_MS)
  }

  /**
   * What the policy says now. What is queued goes to the new collector, and so does a batch that the old one doesn't take; with
   * `undefined`, it has a moment to leave to the old one, and is dropped.
   */
  configure(endpoint: CollectorEndpoint | undefined, identity: ExportIdentity): void {
    if (this.closing) return
    const before = this.target
    if (endpoint === undefined) {
      this.wanted = false
      if (before !== undefined) void this.leave(before)
      return
    }
    if (before !== undefined && this.wanted && before.endpoint.text === endpoint.text) {
      if (sameIdentity(before.identity, identity)) return
    }
    this.wanted = true
    this.target = { endpoint, identity, collector: this.opened(endpoint, identity) }
    this.failuresInARow = 0
    this.outage.begin(endpoint.text)
    // One that is busy is closed when it's done.
    if (before !== undefined && before !== this.busy) letGo(before)
    this.wake?.()
    if (this.queue.length > 0 && !this.pumping) this.start()
  }

  /** Lets what is queued leave, for at most FLUSH_MS, and ends. */
  async close(): Promise<void> {
    this.closing = true
    this.wanted = false
    if (this.target !== undefined) await this.leave(this.target)
  }

  private async leave(target: Target): Promise<void> {
    this.wake?.()
    const end = Promise.withResolvers<void>()
    const timer = setTimeout(end.resolve, FLUSH_MS)
    await Promise.race([this.pumping ? this.idle() : this.start(), end.promise])
    clearTimeout(timer)
    // Meanwhile the policy may have named a collector again.
    if (this.target !== target || this.wanted) return
    this.target = undefined
    this.dropped.closed += this.queue.length
    this.queue = []
    clearTimeout(this.batchTimer)
    this.batchTimer = undefined
    this.wake?.()
    letGo(target)
  }

  private idle(): Promise<void> {
    return new Promise(resolve => this.idlers.push(resolve))
  }

  private opened(endpoint: CollectorEndpoint, identity: ExportIdentity): Promise<Collector> {
    return this.options.open(endpoint, identity).catch((error: unknown) => brokenCollector(wordsOf(error)))
  }

  private async start(): Promise<void> {
    clearTimeout(this.batchTimer)
    this.batchTimer = undefined
    if (this.pumping) return
    this.pumping = true
    try {
      while (this.target !== undefined && this.queue.length > 0)
        await this.deliverOne(this.queue.splice(0, BATCH_SPANS_MAX))
    } finally {
      this.pumping = false
      for (const resolve of this.idlers.splice(0)) resolve()
    }
  }

  /** One batch, until it is taken, refused or given up. */
  private async deliverOne(batch: readonly KeptSpan[]): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      const { target } = this
      if (target === undefined) {
        this.dropped.closed += batch.length
        return
      }
      this.busy = target
      const delivery = await this.attempt(target, batch)
      this.busy = undefined
      if (target !== this.target) letGo(target)
      if (delivery.kind === 'taken') {
        this.exported += batch.length
        this.failuresInARow = 0
        if (this.target !== undefined) this.outage.over()
        return
      }
      if (this.target !== undefined) this.outage.happened(delivery)
      if (delivery.kind === 'refused') {
        this.dropped.refused += batch.length
        // To be refused costs both sides: not for every batch while it lasts.
        await this.backOff()
        return
      }
      const moved = target !== this.target
      if (attempt >= RETRIES_MAX && !moved) {
        this.dropped.unreachable += batch.length
        return
      }
      if (!moved) await this.backOff()
    }
  }

  private async attempt(target: Target, batch: readonly KeptSpan[]): Promise<Delivery> {
    const collector = await target.collector
    const late = Promise.withResolvers<Delivery>()
    const timer = setTimeout(
      () => late.resolve({ kind: 'failed', why: `no whole answer within ${DELIVERY_MS_MAX / 1_000} s` }),
      DELIVERY_MS_MAX,
    )
    const delivery = await Promise.race([collector.deliver(batch), late.promise])
    clearTimeout(timer)
    if (delivery.kind === 'failed') {
      // Another connection, and perhaps another address: the next one may be better.
      collector.close()
      if (target === this.target) target.collector = this.opened(target.endpoint, target.identity)
    }
    return delivery
  }

  private backOff(): Promise<void> {
    if (!this.wanted) return this.pause(BACKOFF_MS_MIN / 10)
    const base = Math.min(BACKOFF_MS_MAX, BACKOFF_MS_MIN * 2 ** this.failuresInARow++)
    return this.pause(base * (0.8 + 0.4 * this.options.random()))
  }

  private pause(ms: number): Promise<void> {
    return new Promise(resolve => {
      const go = (): void => {
        clearTimeout(timer)
        this.wake = undefined
        resolve()
      }
      const timer = setTimeout(go, ms)
      this.wake = go
    })
  }
}

/** Also when it is still being made. */
function letGo(target: Target): void {
  void target.collector.then(collector => collector.close())
}

function sameIdentity(a: ExportIdentity, b: ExportIdentity): boolean {
  return a.serviceName === b.serviceName && a.namespace === b.namespace && a.instance === b.instance
}

/** Stands for one that could not be made: each delivery says why. */
function brokenCollector(why: string): Collector {
  return { deliver: async () => ({ kind: 'failed', why }), close: () => {} }
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
