/** How near this sidecar is to what it can carry, at the moment of a scrape. */
export interface StrainView {
  /** `ratio` is 0 where nothing bounds it. */
  readonly memory: { readonly ratio: number; readonly refusesConnections: boolean; readonly refusesRequests: boolean }
  /** By bucket, not cumulative, with one more for the rest. */
  readonly loopDelay: {
    readonly boundsMs: readonly number[]
    readonly counts: readonly number[]
    readonly sumMs: number
    readonly count: number
  }
  readonly refusedConnections: Iterable<{
    readonly direction: string
    readonly reason: string
    readonly count: number
  }>
  readonly descriptors: { readonly open: number | undefined; readonly max: number }
  /** 1 from the half of a certificate's life on, until there is another. */
  readonly renewalOverdue: boolean
}

interface Prometheus {
  gauge(name: string, help: string, labelNames: string[]): { set(labels: Record<string, string>, value: number): void }
  counter(name: string, help: string, labelNames: string[]): { inc(labels: Record<string, string>, by: number): void }
}

/** Registers what is a number, and returns the lines of the histogram, which has been counted already. */
export function strainMetrics({ gauge, counter }: Prometheus, strain: StrainView): string {
  const { memory, loopDelay, descriptors } = strain
  gauge('selvedge_memory_used_ratio', 'Share of the memory limit that is used; 0 without one.', []).set(
    {},
    memory.ratio,
  )
  const refusing = gauge('selvedge_overload_state', '1 while memory is too short for it.', ['refuses'])
  refusing.set({ refuses: 'connections' }, memory.refusesConnections ? 1 : 0)
  refusing.set({ refuses: 'requests' }, memory.refusesRequests ? 1 : 0)
  const refused = counter('selvedge_connections_refused_total', 'Connections closed as soon as they came.', [
    'direction',
    'reason',
  ])
  for (const direction of ['inbound', 'outbound']) {
    for (const reason of ['limit', 'descriptors', 'memory']) refused.inc({ direction, reason }, 0)
  }
  for (const { direction, reason, count } of strain.refusedConnections) refused.inc({ direction, reason }, count)
  const overdue = gauge(
    'selvedge_certificate_renewal_overdue',
    '1 when half of a life is over, and no renewal came.',
    [],
  )
  overdue.set({}, strain.renewalOverdue ? 1 : 0)
  if (descriptors.open !== undefined) gauge('process_open_fds', 'Open file descriptors.', []).set({}, descriptors.open)
  if (Number.isFinite(descriptors.max))
    gauge('process_max_fds', 'File descriptors at most.', []).set({}, descriptors.max)
  const resident = residentMemory()
  if (resident !== undefined) gauge('process_resident_memory_bytes', 'Resident memory.', []).set({}, resident)
  return loopDelayLines(loopDelay)
}

/** Without any descriptor left the kernel can't be asked. */
function residentMemory(): number | undefined {
  try {
    return process.memoryUsage.rss()
  } catch {
    return undefined
  }
}

function loopDelayLines({ boundsMs, counts, sumMs, count }: StrainView['loopDelay']): string {
  const name = 'selvedge_event_loop_delay_seconds'
  let out = `# HELP ${name} How late a timer ran: what keeps the event loop keeps every request.\n# TYPE ${name} histogram\n`
  let below = 0
  boundsMs.forEach((boundMs, bucket) => {
    below += counts[bucket] ?? 0
    out += `${name}_bucket{le="${boundMs / 1000}"} ${below}\n`
  })
  return `${out}${name}_bucket{le="+Inf"} ${count}\n${name}_sum ${sumMs / 1000}\n${name}_count ${count}\n`
}
