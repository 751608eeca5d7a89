import type { Wishes } from './annotations.ts'
import { type JsonObject, objectsAt, textAt } from './json.ts'

/** Of a port's name, what stands before the first hyphen, as Istio's users know it. */
const PROTOCOLS: Readonly<Record<string, string>> = {
  http: 'http',
  http2: 'http2',
  h2c: 'http2',
  grpc: 'grpc',
  tcp: 'tcp',
}

/**
 * What the sidecar is told of the application's ports: those of the annotation, or the declared TCP ports of the containers without those whose
 * callers don't come through the sidecar. Where a name says nothing of the protocol, the first bytes will.
 */
export function applicationPorts(spec: JsonObject, wishes: Wishes): readonly string[] {
  if (wishes.ports !== undefined) return wishes.ports
  const { includeInboundPorts: included, excludeInboundPorts: excluded } = wishes
  const seen = new Set<number>()
  const names = new Set<string>()
  const ports: string[] = []
  for (const port of [
    ...objectsAt(spec, 'initContainers').filter(isNativeSidecar),
    ...objectsAt(spec, 'containers'),
  ].flatMap(container => objectsAt(container, 'ports'))) {
    const { containerPort, protocol = 'TCP' } = port
    if (typeof containerPort !== 'number' || protocol !== 'TCP' || seen.has(containerPort)) continue
    if (isAmong(containerPort, excluded)) continue
    if (included.length > 0 && !isAmong(containerPort, included)) continue
    seen.add(containerPort)
    // Two containers may have a port of the same name, a workload may not: the first one has it.
    const name = names.has(textAt(port, 'name')) ? '' : textAt(port, 'name')
    names.add(name)
    const spoken = PROTOCOLS[textAt(port, 'name').split('-')[0] ?? ''] ?? 'detect'
    ports.push(`${name === '' ? `port-${containerPort}` : name}=${containerPort}/${spoken}`)
  }
  return ports
}

/** An init container that keeps running, of the user's own. */
function isNativeSidecar(container: JsonObject): boolean {
  return container.restartPolicy === 'Always'
}

/** Of ports and ranges of ports, as annotations have them. */
function isAmong(port: number, items: readonly string[]): boolean {
  return items.some(item => {
    const [first = '', last = first] = item.split('-')
    return Number(first) <= port && port <= Number(last)
  })
}
