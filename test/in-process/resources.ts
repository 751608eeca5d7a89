/** A resource as it stands in a file. JSON is YAML. */
export type Resource = Readonly<Record<string, unknown>>

const NAMESPACE = 'shop'

export function textOf(resources: readonly Resource[]): string {
  return resources.map(resource => JSON.stringify(resource)).join('\n---\n')
}

/** Without `inboundPort` it is not in the mesh. Its service account is its name. */
export function workload(
  name: string,
  wish: {
    readonly labels?: Readonly<Record<string, string>>
    readonly port?: number
    readonly protocol?: string
    readonly inboundPort?: number
    readonly serviceAccount?: string
    readonly address?: string
  },
): Resource {
  const { labels = {}, port, protocol = 'http', inboundPort, serviceAccount = name, address = '127.0.0.1' } = wish
  return {
    apiVersion: 'selvedge.dev/v1',
    kind: 'Workload',
    metadata: { name, namespace: NAMESPACE, labels },
    spec: {
      address,
      serviceAccount,
      ...(inboundPort === undefined ? {} : { inboundPort }),
      ports: port === undefined ? [] : [{ name: 'http', port, protocol }],
    },
  }
}

/** Port 80, answered by the port `http` of the workloads that carry the labels. */
export function service(
  name: string,
  selector: Readonly<Record<string, string>>,
  port = 80,
  appProtocol = 'http',
): Resource {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: NAMESPACE },
    spec: { selector, ports: [{ name: 'http', port, targetPort: 'http', appProtocol }] },
  }
}

/** A route for the requests to one Service. */
export function route(parent: string, ...rules: readonly Resource[]): Resource {
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'HTTPRoute',
    metadata: { name: `${parent}-route`, namespace: NAMESPACE },
    spec: { parentRefs: [{ group: '', kind: 'Service', name: parent }], rules },
  }
}

export function backend(name: string, weight = 1): Resource {
  return { name, port: 80, weight }
}

export function trafficPolicy(target: string, spec: Resource): Resource {
  return {
    apiVersion: 'selvedge.dev/v1',
    kind: 'TrafficPolicy',
    metadata: { name: target, namespace: NAMESPACE },
    spec: { targetRef: { kind: 'Service', name: target }, ...spec },
  }
}

export function meshPolicy(spec: Resource): Resource {
  return {
    apiVersion: 'selvedge.dev/v1',
    kind: 'MeshPolicy',
    metadata: { name: 'default', namespace: NAMESPACE },
    spec,
  }
}
