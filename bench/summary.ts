/** One proxy at one number of connections. */
export interface Row {
  /** The case, or a second measurement of the same: `tcp-bulk`. */
  readonly case: string
  readonly proxy: string
  readonly connections: number
  readonly rps: number
  readonly p50Us: number
  readonly p99Us: number
  /** The proxies' own time, user and system, both of a pair, for one request. */
  readonly cpuUsPerRequest: number
  /** Resident memory of the proxies together. */
  readonly rssMb: number
}

/** A row, and the two parts of its processor time. */
export interface Sample {
  readonly row: Row
  readonly userUsPerRequest: number
  readonly systemUsPerRequest: number
}

/** Ours divided by theirs: above 1 is more. More requests are better, more of all the rest is worse. */
export interface Ratio {
  readonly rps: number
  readonly p50: number
  readonly p99: number
  readonly cpuUsPerRequest: number
  readonly rss: number
}

/** What `-o json` prints. Rows of ours carry their ratio to each peer of the same case and connections. */
export interface Report {
  readonly cases: readonly (Row & { readonly ratios?: Readonly<Record<string, Ratio>> })[]
  readonly split: readonly {
    readonly case: string
    readonly proxy: string
    readonly connections: number
    readonly userUsPerRequest: number
    readonly systemUsPerRequest: number
  }[]
}

/** Whose rows carry ratios. */
export const OWN = 'selvedge'

export function reportOf(samples: readonly Sample[]): Report {
  const rows = samples.map(({ row }) => row)
  return {
    cases: rows.map(row => (row.proxy === OWN ? { ...row, ratios: ratiosOf(row, rows) } : row)),
    split: samples.map(({ row, userUsPerRequest, systemUsPerRequest }) => ({
      ...{ case: row.case, proxy: row.proxy, connections: row.connections },
      ...{ userUsPerRequest, systemUsPerRequest },
    })),
  }
}

/** The median of each figure over the rounds; samples must be of one proxy and one number of connections. */
export function medianOf(rounds: readonly Sample[]): Sample {
  const first = rounds[0]
  if (first === undefined) throw new Error('Cannot take a median: there is no round')
  const of = (figure: (sample: Sample) => number) => median(rounds.map(figure))
  return {
    row: {
      ...first.row,
      rps: of(({ row }) => row.rps),
      p50Us: of(({ row }) => row.p50Us),
      p99Us: of(({ row }) => row.p99Us),
      cpuUsPerRequest: of(({ row }) => row.cpuUsPerRequest),
      rssMb: of(({ row }) => row.rssMb),
    },
    userUsPerRequest: of(sample => sample.userUsPerRequest),
    systemUsPerRequest: of(sample => sample.systemUsPerRequest),
  }
}

/** Holds one row of ours against each other proxy of the same case and connections. */
export function ratiosOf(ours: Row, rows: readonly Row[]): Record<string, Ratio> {
  const peers = rows.filter(
    row => row.proxy !== ours.proxy && row.case === ours.case && row.connections === ours.connections,
  )
  return Object.fromEntries(
    peers.map(theirs => [
      theirs.proxy,
      {
        rps: ratio(ours.rps, theirs.rps),
        p50: ratio(ours.p50Us, theirs.p50Us),
        p99: ratio(ours.p99Us, theirs.p99Us),
        cpuUsPerRequest: ratio(ours.cpuUsPerRequest, theirs.cpuUsPerRequest),
        rss: ratio(ours.rssMb, theirs.rssMb),
      },
    ]),
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
