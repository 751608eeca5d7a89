import type { Case } from './plan.ts'

/** One proxy at one number of connections. */
export interface Row {
  readonly case: Case
  readonly proxy: string
  readonly connections: number
  readonly rps: number
  readonly p50Us: number
  readonly p99Us: number
  /** The proxies' own time, user and system, both of a pair, for one request. */
  readonly cpuUsPerRequest: number
  readonly userUsPerRequest: number
  /** Resident memory of the proxies together. */
  readonly rssMb: number
}

/** Ours divided by theirs: above 1 is more. More requests are better, more of all the rest is worse. */
export interface Ratio {
  readonly case: Case
  readonly connections: number
  readonly peer: string
  readonly rps: number
  readonly p50: number
  readonly p99: number
  readonly cpuUsPerRequest: number
  readonly userUsPerRequest: number
  readonly rss: number
}

/** The median of each figure over the rounds; rows must be of one proxy and one number of connections. */
export function medianRow(rounds: readonly Row[]): Row {
  const first = rounds[0]
  if (first === undefined) throw new Error('Cannot take a median: there is no round')
  const of = (figure: (row: Row) => number) => median(rounds.map(figure))
  return {
    ...first,
    rps: of(row => row.rps),
    p50Us: of(row => row.p50Us),
    p99Us: of(row => row.p99Us),
    cpuUsPerRequest: of(row => row.cpuUsPerRequest),
    userUsPerRequest: of(row => row.userUsPerRequest),
    rssMb: of(row => row.rssMb),
  }
}

/** Holds `own` against each other proxy of the same case and connections. */
export function ratiosOf(rows: readonly Row[], own: string): Ratio[] {
  return rows
    .filter(row => row.proxy === own)
    .flatMap(ours =>
      rows
        .filter(row => row.proxy !== own && row.case === ours.case && row.connections === ours.connections)
        .map(theirs => ({
          case: ours.case,
          connections: ours.connections,
          peer: theirs.proxy,
          rps: ratio(ours.rps, theirs.rps),
          p50: ratio(ours.p50Us, theirs.p50Us),
          p99: ratio(ours.p99Us, theirs.p99Us),
          cpuUsPerRequest: ratio(ours.cpuUsPerRequest, theirs.cpuUsPerRequest),
          userUsPerRequest: ratio(ours.userUsPerRequest, theirs.userUsPerRequest),
          rss: ratio(ours.rssMb, theirs.rssMb),
        })),
    )
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? 0
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2
}

/** To two decimals; 0 where they have nothing to compare with. */
function ratio(ours: number, theirs: number): number {
  return theirs === 0 ? 0 : Math.round((ours / theirs) * 100) / 100
}
