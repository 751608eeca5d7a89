import { Meter, type MeterLabels } from './meter.ts'

/** Series are bounded: what comes after is counted under the destination `other`. */
const METERS_MAX = 5_000

/** All meters of one sidecar. */
export class Meters {
  private readonly byKey = new Map<string, Meter>()

  /** The meter for these labels; the same one each time. Not for every request: keep what it returns. */
  of(labels: MeterLabels): Meter {
    const key = `${labels.direction}|${labels.source}|${labels.destination}|${labels.route}|${labels.tls}`
    let meter = this.byKey.get(key)
    if (meter === undefined) {
      if (this.byKey.size >= METERS_MAX && labels.destination !== 'other') {
        return this.of({
          ...labels,
          source: labels.direction === 'inbound' ? 'other' : labels.source,
          destination: 'other',
          route: '',
        })
      }
      meter = new Meter(labels)
      this.byKey.set(key, meter)
    }
    return meter
  }

  all(): IterableIterator<Meter> {
    return this.byKey.values()
  }
}
