/** What a load generator saw from outside. */
export interface LoadResult {
  readonly requests: number
  readonly durationUs: number
  readonly p50Us: number
  readonly p99Us: number
  /** Connections, reads, writes and answers that failed, timed out, or had a status from 400 on. */
  readonly failed: number
}

/** The last line that `wrk-report.lua` prints. Throws when it isn't there. */
export function readWrk(output: string): LoadResult {
  const line = output.trimEnd().split('\n').at(-1) ?? ''
  if (!line.startsWith('{')) throw new Error(`Cannot read what wrk printed: its last line is "${line}"`)
  return JSON.parse(line) as LoadResult
}

/**
 * h2load's summary, and its log: one line for each answer with its beginning, its status (-1 without an answer) and the microseconds that it
 * took. The summary has no percentiles, and the log has no failures of connections. Throws when the summary isn't what h2load writes.
 */
export function readH2load(output: string, log: string): LoadResult {
  const seconds = /^finished in ([0-9.]+)(us|ms|s),/m.exec(output)
  const counted = /^requests: \d+ total, .* (\d+) errored, (\d+) timeout$/m.exec(output)
  if (seconds === null || counted === null) throw new Error(`Cannot read what h2load printed: ${output.trim()}`)
  const [errored = 0, timedOut = 0] = counted.slice(1).map(Number)
  const { answered, tookUs } = readLog(log)
  return {
    requests: answered,
    durationUs: Math.round(Number(seconds[1]) * US_OF[seconds[2] as keyof typeof US_OF]),
    p50Us: percentile(tookUs, 0.5),
    p99Us: percentile(tookUs, 0.99),
    failed: Math.max(errored, timedOut, tookUs.length - answered),
  }
}

const US_OF = { us: 1, ms: 1e3, s: 1e6 } as const

function readLog(log: string): { readonly answered: number; readonly tookUs: Float64Array } {
  const lines = log.split('\n')
  const tookUs = new Float64Array(lines.length)
  let count = 0
  let answered = 0
  for (const line of lines) {
    const [, status, took] = line.split('\t')
    if (status === undefined || took === undefined) continue
    tookUs[count++] = Number(took)
    // 0: HTTP/1.1 without a reason phrase, as HAProxy writes it for an answer that came by HTTP/2; h2load reads no status from that.
    const code = Number(status)
    if (code === 0 || (code >= 200 && code < 400)) answered++
  }
  return { answered, tookUs: tookUs.subarray(0, count).sort() }
}

/** The smallest value that `share` of all don't exceed; 0 of none. */
function percentile(sorted: Float64Array, share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0
}
