import { Meter, type MeterLabels } from './meter.ts'

/** Series are bounded: what comes after is counted under the destination `other`. */
const METERS_MAX = 5_000
/** An edge on which nothing has ended for so long gives its series back. Prometheus scrapes a hundred times meanwhile. */
const UNUSED_MS = 3_600_000

/** What a meter stood at when it was last seen to have grown. */
interface Kept {
  readonly meter: Meter
  requests: number
  grownMs: number
}

/** All meters of one sidecar. */
export class Meters {
  private readonly byKey = new Map<string, Kept>()

  /** The meter for these labels; the same one each time, until it expires. Not for every request: keep what it returns. */
  of(labels: MeterLabels): Meter {
    const key = `${labels.direction}|${labels.source}|${labels.destination}|${labels.route}|${labels.protocol}|${labels.tls}`
    const kept = this.byKey.get(key)
    if (kept !== undefined) return kept.meter
    if (this.byKey.size >= METERS_MAX && labels.destination !== 'other') {
      return this.of({
        ...labels,
        source: labels.direction === 'inbound' ? 'other' : labels.source,
        destination: 'other',
        route: '',
      })
    }
    const meter = new Meter(labels)
    // Not grown yet, and not unused either: the next look says which.
    this.byKey.set(key, { meter, requests: -1, grownMs: 0 })
    return meter
  }

  *all(): Generator<Meter> {
    for (const { meter } of this.byKey.values()) yield meter
  }

  /**
   * Drops the meters of edges that are unused, all of an edge together, as sums over some of them (`selvedge_bytes_total`) would go
   * backwards else. A series that comes back begins at 0, which Prometheus takes for a restart. Returns whether any was dropped: then
   * whoever keeps meters asks for them again. `nowMs` is monotonic; called once a minute.
   */
  expire(nowMs: number): boolean {
    const grownMs = new Map<string, number>()
    for (const kept of this.byKey.values()) {
      if (kept.meter.requests !== kept.requests) {
        kept.requests = kept.meter.requests
        kept.grownMs = nowMs
      }
      const edge = edgeOf(kept.meter.labels)
      grownMs.set(edge, Math.max(grownMs.get(edge) ?? 0, kept.grownMs))
    }
    const before = this.byKey.size
    for (const [key, { meter }] of this.byKey) {
      if (nowMs - (grownMs.get(edgeOf(meter.labels)) ?? 0) >= UNUSED_MS) this.byKey.delete(key)
    }
    return this.byKey.size < before
  }
}

function edgeOf({ direction, source, destination }: MeterLabels): string {
  return `${direction}|${source}|${destination}`
}
