import { z } from 'zod'
import type { DeepReadonly } from './deep-readonly.ts'
import { appProtocol, dnsLabel, port, portName } from './fields.ts'
import { labelMetadata } from './metadata.ts'
import { object } from './object.ts'

const PORTS_MAX = 64

const workloadPort = object({
  name: portName.optional().describe("What a Service's `targetPort` may call it."),
  port: port.describe('Where the application listens.'),
  protocol: appProtocol
    .default('detect')
    .describe('What the application speaks there; `detect` lets the first bytes decide.'),
})

const ports = z
  .array(workloadPort)
  .max(PORTS_MAX)
  .superRefine((value, context) => {
    const seen = new Set<number | string>()
    for (const [index, { port, name }] of value.entries()) {
      if (seen.has(port))
        context.addIssue({ code: 'custom', path: [index, 'port'], message: `is given twice: ${port}` })
      seen.add(port)
      if (name === undefined) continue
      if (seen.has(name))
        context.addIssue({ code: 'custom', path: [index, 'name'], message: `is given twice: ${name}` })
      seen.add(name)
    }
  })

export const workloadSchema = object({
  apiVersion: z.literal('selvedge.dev/v1'),
  kind: z.literal('Workload'),
  metadata: labelMetadata,
  spec: object({
    address: z
      .union([z.ipv4(), z.ipv6()], { error: 'must be an IP address, as in 10.0.0.7 or fd00::7' })
      .describe('The IP address of the instance.'),
    ports: ports.default([]).describe('What the application listens on; empty for a pure client.'),
    serviceAccount: dnsLabel
      .default('default')
      .describe('Who it is: `spiffe://<trust-domain>/ns/<namespace>/sa/<serviceAccount>`.'),
    zone: z.string().max(63).default('').describe('Where it runs; empty when nobody said.'),
    inboundPort: port
      .optional()
      .describe('The port on which its sidecar takes mTLS. Without it the workload is not in the mesh.'),
  }),
  status: object({
    ready: z.boolean().describe("Whether the application's port answers. When it doesn't, no endpoint is offered."),
  })
    .optional()
    .describe('Set by the control plane from what the sidecar says. Without it the workload counts as ready.'),
}).meta({
  description: 'One instance of a service. Sidecars register their own; what has no sidecar can be written by hand.',
  examples: [
    {
      apiVersion: 'selvedge.dev/v1',
      kind: 'Workload',
      metadata: { name: 'reviews-v1-1', namespace: 'bookshop', labels: { app: 'reviews', version: 'v1' } },
      spec: {
        address: '10.0.0.7',
        serviceAccount: 'reviews',
        inboundPort: 15006,
        ports: [{ name: 'http', port: 8080, protocol: 'http' }],
      },
    },
  ],
})

export type WorkloadResource = DeepReadonly<z.output<typeof workloadSchema>>
