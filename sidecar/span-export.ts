import type { Random } from '../common/mod.ts'
import type { SelfSnapshot } from '../model/snapshot/mod.ts'
import type { Log } from './log.ts'
import type { CurrentPolicy } from './policy/mod.ts'
import { type ExportIdentity, OtlpExport, openCollector, type RouteToCollector } from './telemetry/otlp/mod.ts'

interface SpanExportParts {
  readonly policy: CurrentPolicy
  readonly random: Random
  nowMs(): number
  readonly log: Log
  /** Of the sidecar. */
  readonly version: string
  readonly route: RouteToCollector
}

/** Spans to the collector that the policy names, whenever it names one. */
export function spanExport({ policy, random, nowMs, log, version, route }: SpanExportParts): OtlpExport {
  const spans = new OtlpExport({
    open: openCollector(route),
    random,
    nowMs,
    log: { info: message => log.info(message), warn: message => log.warn(message) },
  })
  policy.onChange({
    changed: (_services, changed) => {
      const { self } = policy
      if (changed && self !== undefined) spans.configure(self.mesh.traceCollector, identityOf(self, version))
    },
  })
  return spans
}

/** Whose spans they are: the Service that the workload answers for, or its service account. Replicas are told apart by their instance. */
function identityOf({ services, namespace, serviceAccount, workload }: SelfSnapshot, version: string): ExportIdentity {
  const [service] = services
  const serviceName = service === undefined ? serviceAccount : service.slice(service.indexOf('/') + 1)
  return { serviceName, namespace, instance: workload, version }
}
