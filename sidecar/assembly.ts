import type { Clock, Random } from '../common/mod.ts'
import { AdminAccess } from './admin/mod.ts'
import { CertificateAlarm, certificateState } from './certificate-alarm.ts'
import type { SidecarConfig } from './config.ts'
import { assembleDataPath } from './data-path.ts'
import type { Drain } from './drain.ts'
import type { Identity } from './identity/mod.ts'
import { type AccessLog, type Log, lineWriter } from './log.ts'
import type { OpenedSource } from './origin.ts'
import { collectGarbage, OverloadWatch, ownMemory } from './overload/mod.ts'
import { spanExport } from './span-export.ts'
import type { OtlpExport } from './telemetry/otlp/mod.ts'
import type { Traffic } from './traffic.ts'
import { adminView } from './view.ts'
import type { Workers } from './workers-traffic.ts'

/** What a sidecar has once, however many threads carry its traffic. */
export type Assembly = ReturnType<typeof assemble>

export interface AssemblyParts {
  readonly config: SidecarConfig
  readonly version: string
  readonly identity: Identity
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly access: AccessLog
  readonly workers: Workers | undefined
  readonly logFd: number | undefined
}

/** Everything that needs no listener yet. */
export function assemble(parts: AssemblyParts) {
  const { config, version, identity, clock, random, log, access, workers } = parts
  const { nowMs } = clock
  /** Known once they have been opened. */
  const own: { source: OpenedSource | undefined; traffic: Traffic | undefined; drain: Drain | undefined } = {
    source: undefined,
    traffic: undefined,
    drain: undefined,
  }
  const adminAccess = new AdminAccess()
  const watch = new OverloadWatch({
    nowMs,
    readMemory: ownMemory(config.memoryMaxBytes, () => workers?.memory.heaps() ?? []),
    collect: workers === undefined ? collectGarbage : () => workers.collect(),
    closeIdle: () => own.traffic?.closeIdle(),
    othersStalledMs: () => workers?.stalledMs() ?? 0,
    log,
  })
  let exporting: OtlpExport | undefined
  const path = assembleDataPath({
    ...{ config, identity, clock, random, log, access: access.log, strain: watch },
    exporter: (policy, route) => {
      exporting = spanExport({ policy, random, nowMs, log, version, route })
      return exporting
    },
  })
  const spans = exporting!
  const { policy, instruments, protection, tracer } = path
  const view = adminView({
    ...{ policy, instruments, identity, protection, watch, wallMs: clock.wallMs },
    traffic: () => own.traffic,
    connected: () => own.source?.source.connected() ?? false,
    drain: () => own.drain,
    adminAccess,
    status: () => own.source?.status(),
    spans: () => ({ exported: spans.exported, dropped: { ...spans.dropped, unreported: tracer.dropped } }),
  })
  const alarm = new CertificateAlarm(log)
  const lookAtCertificate = (): void => {
    const { notAfterMs } = identity.current()
    alarm.look(certificateState(identity.renewal(), notAfterMs, clock.wallMs()), notAfterMs)
  }
  const writeLog = workers === undefined ? undefined : lineWriter(parts.logFd)
  const write = (kind: 'log' | 'access', lines: string): void => {
    if (kind === 'access') access.write(lines)
    else writeLog?.(lines)
  }
  return { own, log, nowMs, access, adminAccess, path, watch, view, spans, lookAtCertificate, workers, write }
}
