import type { Assembly } from './assembly.ts'
import type { SidecarConfig } from './config.ts'
import { Drain } from './drain.ts'
import type { Identity } from './identity/mod.ts'
import type { OpenedSource } from './origin.ts'
import type { Pages } from './pages.ts'
import { type ApplicationProbe, probeApplication } from './probe.ts'
import { EdgeReporter } from './telemetry/mod.ts'
import type { Traffic } from './traffic.ts'

const SWEEP_MS = 1_000
/** Looking for services that nobody uses: a walk over all that are held. */
const FORGET_SWEEP_MS = 30_000

/** Where a running sidecar listens, as `host:port`. */
export interface SidecarAddresses {
  readonly outbound: string
  readonly inbound: string
  readonly admin: string
  readonly metrics: string
  /** In the order in which they were asked for. */
  readonly gateways: readonly string[]
}

export interface Sidecar {
  readonly addresses: SidecarAddresses
  /** Takes no new work, and settles when what is under way has ended and the application has gone, or the drain timeout is over. Safe to call twice. `alone`: the application stays, and is not waited for; by default, what the configuration says. */
  drain(alone?: boolean): Promise<void>
  /** Closes at once. */
  close(): Promise<void>
}

export interface Opened {
  readonly traffic: Traffic
  readonly pages: Pages
  readonly source: OpenedSource
  readonly identity: Identity
}

/** The rest of a sidecar's life: sweeping, probing, reporting, draining. */
export function running(
  config: SidecarConfig,
  assembly: Assembly,
  { traffic, pages, source, identity }: Opened,
): Sidecar {
  const { path, watch, spans, lookAtCertificate } = assembly
  const { policy, instruments, tracer, around } = path
  const sweep = setInterval(() => {
    pages.sweep()
    lookAtCertificate()
  }, SWEEP_MS)
  watch.start()
  const forgetting = setInterval(() => void forgetUnused(), Math.min(FORGET_SWEEP_MS, config.forgetAfterMs))
  const ports = config.application.map(({ port }) => port)
  let probe: ApplicationProbe | undefined
  if (ports.length > 0) {
    probe = probeApplication(config.applicationHost, ports, ready => source.setReady(ready && !around.draining))
    around.hint = () => probe?.hint()
  }
  const reporter = new EdgeReporter(config.workload, instruments.meters, () => tracer.take())
  const stopReporting = source.report(() => reporter.take())
  const { host, inboundHost, metricsHost } = config
  let closing: Promise<void> | undefined
  let drained: Promise<void> | undefined

  async function forgetUnused(): Promise<void> {
    if (!policy.forgets) return
    const unused = await traffic.unused(config.forgetAfterMs)
    policy.forget(unused, assembly.nowMs() - config.forgetAfterMs)
    traffic.forget(unused)
  }

  const drain = new Drain({
    nowMs: () => performance.now(),
    pause,
    underWay: () => traffic.underWay(),
    leave: () => {
      traffic.set({ draining: true })
      source.setReady(false)
    },
    refuse: () => traffic.set({ refusing: true }),
    application: () => (probe === undefined ? 'listens-nowhere' : probe.answers() ? 'answers' : 'silent'),
    endTunnels: () => traffic.endTunnels(),
    log: (fields, message) => assembly.log.info(fields, message),
  })
  assembly.own.drain = drain

  async function closeAll(): Promise<void> {
    traffic.set({ draining: true })
    clearInterval(sweep)
    watch.close()
    clearInterval(forgetting)
    probe?.close()
    // The last report holds what has been counted up to now.
    await traffic.look()
    await Promise.all([stopReporting(), spans.close()])
    await traffic.close()
    pages.close()
    await source.source.close()
    identity.close()
    assembly.access.close()
  }

  return {
    addresses: {
      outbound: `${host}:${traffic.ports.outbound}`,
      inbound: `${inboundHost}:${traffic.ports.inbound}`,
      admin: `127.0.0.1:${pages.ports.admin}`,
      metrics: `${metricsHost}:${pages.ports.metrics}`,
      gateways: config.gateways.map(({ host: at }, i) => `${at}:${traffic.ports.gateways[i]}`),
    },
    drain: (alone = config.drainOutbound === 'exchanges') => {
      drained ??= closing ?? drain.run(config.drainTimeoutMs, alone)
      return drained
    },
    close: () => {
      closing ??= closeAll()
      return closing
    },
  }
}

function pause(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}
