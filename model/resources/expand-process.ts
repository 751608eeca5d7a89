import { deepFreeze } from './deep-readonly.ts'
import type { ProcessResource } from './process.ts'
import type { ServiceResource } from './service.ts'

/** One program to run, with a sidecar and a Workload of its own. */
export interface ProcessInstance {
  /** The Workload's name: the Process's, with `-1`, `-2`, ... where there are several. */
  readonly name: string
  readonly namespace: string
  /** `undefined`: a pure client. */
  readonly service: string | undefined
  readonly serviceAccount: string
  /** The Process's own, and `app: <service>` where it says nothing else. */
  readonly labels: Readonly<Record<string, string>>
  readonly command: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly cwd: string | undefined
  /** `undefined`: take a free one. Either way the program is told it as `PORT`. */
  readonly port: number | undefined
}

const IMPLIED_SERVICE_PORT = 80

/** The instances that a Process asks for. */
export function expandProcess(process: ProcessResource): ProcessInstance[] {
  const { namespace, name } = process.metadata
  const { service, replicas, serviceAccount, command, env, cwd, port, labels } = process.spec
  return Array.from({ length: replicas }, (_, index) => ({
    name: replicas === 1 ? name : `${name}-${index + 1}`,
    namespace,
    service,
    serviceAccount: serviceAccount ?? service ?? name,
    labels: service === undefined ? labels : { app: service, ...labels },
    command,
    env,
    cwd,
    port,
  }))
}

/**
 * The Service that a Process answers for, for files that don't describe it: port 80 to the program's own port, whatever that is.
 * `undefined` for a pure client.
 */
export function impliedService(process: ProcessResource): ServiceResource | undefined {
  const { service, labels } = process.spec
  if (service === undefined) return undefined
  return deepFreeze<ServiceResource>({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: service, namespace: process.metadata.namespace, labels: {} },
    spec: {
      // Without a targetPort it is the workload's only port, whatever its number.
      ports: [{ name: 'http', port: IMPLIED_SERVICE_PORT, protocol: 'TCP' }],
      selector: { app: labels.app ?? service },
    },
  })
}
