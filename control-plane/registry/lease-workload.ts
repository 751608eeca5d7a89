import { err, ok, type Result } from '../../common/mod.ts'
import { formatProblem, validateResource, type WorkloadResource } from '../../model/resources/mod.ts'
import type { LeaseRecord } from '../store/mod.ts'

/** The Workload that a lease stands for. Refused, in words, where a sidecar tells what no Workload may have. */
export function leaseWorkload({ workload, registration }: LeaseRecord): Result<WorkloadResource, string> {
  const { ready, labels, address, ports, serviceAccount, zone, inboundPort } = registration
  const slash = workload.indexOf('/')
  const parsed = validateResource({
    apiVersion: 'selvedge.dev/v1',
    kind: 'Workload',
    metadata: { namespace: workload.slice(0, slash), name: workload.slice(slash + 1), labels },
    spec: {
      address,
      // proto3 has no absent string: an empty name is none.
      ports: ports.map(({ name, port, protocol }) => ({ ...(name === '' ? {} : { name }), port, protocol })),
      serviceAccount,
      zone,
      ...(inboundPort === undefined ? {} : { inboundPort }),
    },
    status: { ready },
  })
  if (!parsed.ok) {
    return err(
      `Cannot register ${workload}: ${parsed.error.map(formatProblem).join('; ')}. Correct what the sidecar is told.`,
    )
  }
  if (parsed.value.kind !== 'Workload') return err(`Cannot register ${workload}: it is not a Workload.`)
  return ok(parsed.value)
}
