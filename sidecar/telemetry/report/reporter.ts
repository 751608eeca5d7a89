import type { Random } from '../../../common/mod.ts'
import type { TelemetryReport } from '../../../model/telemetry/mod.ts'
import type { Identity } from '../../identity/identity.ts'

/** After several failures in a row, an attempt is made only every so many intervals. */
const SKIPPED_MAX = 8

/** A stream of reports to the control plane, from its connection's begin to its end. */
export interface ReportLink {
  /** Whether a report that is sent now goes out, rather than into a queue. */
  writable(): boolean
  send(report: TelemetryReport): void
  /** Ends the stream in order. Resolves when what was sent has arrived, or after a bounded time. */
  close(): Promise<void>
}

/** Begins to connect, as whoever this sidecar is now. `ended` is called once, and last, when the link fails or is ended by the peer. */
export type OpenReportLink = (ended: (why: string) => void) => ReportLink

export interface ReporterOptions {
  readonly open: OpenReportLink
  readonly identity: Pick<Identity, 'onChange'>
  /**
   * Takes what has been counted since it was called last; `undefined` when that is nothing. Called only when it can be sent, so what
   * cannot leave stays with the counters, and isn't lost.
   */
  readonly take: () => TelemetryReport | undefined
  /** @default 1000 */
  readonly intervalMs?: number
  readonly random: Random
  readonly log: (fields: Readonly<Record<string, unknown>>, message: string) => void
}

export interface Reporter {
  connected(): boolean
  /** Sends a last report, if a stream is there to carry it. */
  close(): Promise<void>
}

/** Reports once in each interval, for as long as it lives; connects, and connects again, by itself. */
export function createReporter(options: ReporterOptions): Reporter {
  const intervalMs = options.intervalMs ?? 1_000
  let link: ReportLink | undefined
  let failures = 0
  let skip = 0
  let closed = false

  function dial(): void {
    const opened: ReportLink = options.open(why => {
      if (link !== opened) return
      link = undefined
      skip = Math.min(SKIPPED_MAX, 2 ** failures) - 1
      if (failures === 0)
        options.log({ why }, 'Cannot report telemetry: the stream has ended; counting goes on, trying again')
      failures++
    })
    link = opened
  }

  function report(): void {
    if (link === undefined || !link.writable()) return
    failures = 0
    const counted = options.take()
    if (counted !== undefined) link.send(counted)
  }

  function tick(): void {
    if (link !== undefined) report()
    else if (skip > 0) skip--
    else dial()
  }

  // The server ends a stream when its certificate ends; the next one goes by the new certificate.
  const stopListening = options.identity.onChange(() => {
    void link?.close()
    link = undefined
  })
  // At once, so that the counts of a program that ends within a second have a way to go.
  dial()
  // A fleet that started together doesn't report in the same instant.
  let timer: NodeJS.Timeout = setTimeout(() => {
    timer = setInterval(tick, intervalMs)
    tick()
  }, options.random() * intervalMs)

  return {
    connected: () => link?.writable() ?? false,
    async close() {
      if (closed) return
      closed = true
      clearTimeout(timer)
      stopListening()
      report()
      const last = link
      link = undefined
      await last?.close()
    },
  }
}
