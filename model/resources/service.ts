import { z } from 'zod'
import type { DeepReadonly } from './deep-readonly.ts'
import { labels, port, portName } from './fields.ts'
import { labelMetadata } from './metadata.ts'
import { object } from './object.ts'

const PORTS_MAX = 64
/** As on Kubernetes: one IPv4, one IPv6. */
const CLUSTER_ADDRESSES_MAX = 2

const servicePort = object(
  {
    name: portName.optional().describe('Needed, and unique, where there are several ports.'),
    port: port.describe('The port that callers name.'),
    targetPort: z
      .union([port, portName], { error: 'must be a port (1 to 65535) or the name of a port of the workload' })
      .optional()
      .describe(
        "The application's port: a number, or a name that is looked up in each workload. Without it: the same number, else the workload's only port.",
      ),
    appProtocol: z
      .string()
      .max(253)
      .optional()
      .describe(
        'What is spoken: `http`, `http2` (or `kubernetes.io/h2c`), `grpc`; anything else is opaque TCP. Without it the first bytes decide.',
      ),
    protocol: z
      .literal('TCP', { error: 'must be TCP: other transports are not supported yet' })
      .default('TCP')
      .describe('The transport.'),
  },
  { nodePort: 'Selvedge carries traffic inside the mesh only; leave it out' },
)

const ports = z
  .array(servicePort)
  .min(1)
  .max(PORTS_MAX)
  .superRefine((value, context) => {
    const numbers = new Set<number>()
    const names = new Set<string>()
    for (const [index, { port, name }] of value.entries()) {
      if (numbers.has(port))
        context.addIssue({ code: 'custom', path: [index, 'port'], message: `is given twice: ${port}` })
      numbers.add(port)
      if (name === undefined) {
        if (value.length > 1) {
          context.addIssue({
            code: 'custom',
            path: [index, 'name'],
            message: 'is missing: with several ports each needs a name',
          })
        }
        continue
      }
      if (names.has(name))
        context.addIssue({ code: 'custom', path: [index, 'name'], message: `is given twice: ${name}` })
      names.add(name)
    }
  })

const clusterAddress = z.union([z.literal('None'), z.ipv4(), z.ipv6()], {
  error: 'must be an IP address, as in 10.96.0.10 or fd00:96::10, or None',
})

const elsewhere = 'Selvedge does not read this field of Kubernetes; leave it out'

/** What Kubernetes writes into every Service, so that what "kubectl get -o yaml" prints can be applied as it is; another value would be a promise. */
function asUsual<Value extends string>(value: Value) {
  return z
    .literal(value, { error: `must be ${value}: Selvedge does nothing else yet` })
    .optional()
    .describe('As Kubernetes writes it; the mesh does not look at it.')
}

export const serviceSchema = object({
  apiVersion: z.literal('v1'),
  kind: z.literal('Service'),
  metadata: labelMetadata,
  spec: object(
    {
      ports: ports.describe('What callers can ask for.'),
      selector: labels
        .optional()
        .describe('The labels of the workloads (of the same namespace) that answer. Without it, or empty: none.'),
      type: z.literal('ClusterIP').optional().describe('As on Kubernetes; the mesh does not look at it.'),
      clusterIP: clusterAddress
        .optional()
        .describe(
          'The address of the Service itself, to which nobody listens: sidecars that intercept connections know it by it. `None`: it has none.',
        ),
      clusterIPs: z
        .array(clusterAddress)
        .max(CLUSTER_ADDRESSES_MAX)
        .optional()
        .describe('Likewise: one of each family.'),
      sessionAffinity: asUsual('None'),
      internalTrafficPolicy: asUsual('Cluster'),
      ipFamilies: z
        .array(z.enum(['IPv4', 'IPv6'], { error: 'must be IPv4 or IPv6' }))
        .max(CLUSTER_ADDRESSES_MAX)
        .optional()
        .describe('As on Kubernetes; the mesh does not look at it.'),
      ipFamilyPolicy: z
        .enum(['SingleStack', 'PreferDualStack', 'RequireDualStack'], {
          error: 'must be SingleStack, PreferDualStack or RequireDualStack',
        })
        .optional()
        .describe('As on Kubernetes; the mesh does not look at it.'),
    },
    {
      externalTrafficPolicy: elsewhere,
      externalName: elsewhere,
      externalIPs: elsewhere,
      loadBalancerIP: elsewhere,
      publishNotReadyAddresses: elsewhere,
      trafficDistribution: elsewhere,
    },
  ),
  status: object({ loadBalancer: object({}).optional(), conditions: z.array(z.unknown()).max(0).optional() })
    .optional()
    .describe('As Kubernetes writes it; the mesh does not look at it.'),
}).meta({
  description: 'A name that callers use, its ports, and the labels of the workloads that answer (Kubernetes core v1).',
  examples: [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'reviews', namespace: 'bookshop' },
      spec: {
        selector: { app: 'reviews' },
        ports: [{ name: 'http', port: 80, targetPort: 'http', appProtocol: 'http' }],
      },
    },
  ],
})

export type ServiceResource = DeepReadonly<z.output<typeof serviceSchema>>
