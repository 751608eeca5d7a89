import { z } from 'zod'
import type { DeepReadonly } from './deep-readonly.ts'
import { collectorEndpoint, duration, percent, upgrades } from './fields.ts'
import { labelMetadata } from './metadata.ts'
import { object } from './object.ts'

/** The namespace whose `MeshPolicy` holds for the whole mesh. */
export const SYSTEM_NAMESPACE = 'selvedge-system'
/** The only name that a `MeshPolicy` may have. */
export const MESH_POLICY_NAME = 'default'

/** What holds where no `MeshPolicy` says otherwise. No field has a default of its own: a namespace overrides field by field. */
export const MESH_DEFAULTS = {
  mtls: 'strict',
  unknownDestinations: 'allow',
  accessLog: false,
  /** Percent. */
  tracingSampling: 1,
  retryAttempts: 1,
  tunnelsAtRenewal: 'keep',
} as const

/** More retries than this only add load. */
export const RETRY_ATTEMPTS_MAX = 10

export const meshPolicySchema = object({
  apiVersion: z.literal('selvedge.dev/v1'),
  kind: z.literal('MeshPolicy'),
  metadata: labelMetadata.refine(value => value.name === MESH_POLICY_NAME, {
    path: ['name'],
    error: `must be ${MESH_POLICY_NAME}: one policy holds for a namespace, and the one in ${SYSTEM_NAMESPACE} for the mesh`,
  }),
  spec: object({
    mtls: z
      .enum(['strict', 'permissive'])
      .optional()
      .describe(`\`permissive\` lets plaintext in beside mTLS. Without any policy: ${MESH_DEFAULTS.mtls}.`),
    unknownDestinations: z
      .enum(['allow', 'refuse'])
      .optional()
      .describe(
        `What becomes of a destination that is not in the mesh. Without any policy: ${MESH_DEFAULTS.unknownDestinations}.`,
      ),
    accessLog: z
      .boolean()
      .optional()
      .describe(`One JSON line for each request. Without any policy: ${MESH_DEFAULTS.accessLog}.`),
    tracing: object({
      sampling: percent
        .optional()
        .describe(
          `Percent of requests whose spans are kept; errors always are. Without any policy: ${MESH_DEFAULTS.tracingSampling}.`,
        ),
      otlp: object({
        endpoint: collectorEndpoint
          .optional()
          .describe(
            '`http://`, `https://`, `grpc://` or `grpcs://`, with host and port: `http://collector:4318`, `grpc://collector.observability:4317`. A Service of the mesh, or any host. `none` exports nothing where the mesh would. Without any policy: nothing is exported.',
          ),
      })
        .optional()
        .describe('Sidecars export their spans to an OpenTelemetry collector: [tracing.md](tracing.md).'),
    })
      .optional()
      .describe('Spans of requests.'),
    defaults: object({
      requestTimeout: duration
        .optional()
        .describe('Time for a whole request where its route says nothing; `0s` is no limit. Without any policy: none.'),
      retryAttempts: z
        .number()
        .int()
        .min(0)
        .max(RETRY_ATTEMPTS_MAX)
        .optional()
        .describe(
          `Retries where no route says otherwise; only for failures that are safe to repeat. Without any policy: ${MESH_DEFAULTS.retryAttempts}.`,
        ),
    })
      .optional()
      .describe('What holds for requests whose route says nothing.'),
    allowedUpgrades: upgrades
      .optional()
      .describe(
        'Protocols that requests to the Services of the namespace may switch to, where no `TrafficPolicy` says otherwise: `[websocket]`. `["*"]` is any, `[]` none. Without any policy: any.',
      ),
    tunnelsAtRenewal: z
      .enum(['keep', 'end'])
      .optional()
      .describe(
        `What becomes of tunnels (WebSocket and other switched protocols, opaque TCP) when the certificate of a sidecar at their ends is renewed: \`end\` ends them, so that nothing is carried under an identity of before. Without any policy: ${MESH_DEFAULTS.tunnelsAtRenewal}.`,
      ),
  }),
}).meta({
  description: `Settings of the mesh (\`default\` in \`${SYSTEM_NAMESPACE}\`) or of one namespace (\`default\` there), which override the mesh's field by field.`,
  examples: [
    {
      apiVersion: 'selvedge.dev/v1',
      kind: 'MeshPolicy',
      metadata: { name: MESH_POLICY_NAME, namespace: SYSTEM_NAMESPACE },
      spec: {
        mtls: 'strict',
        unknownDestinations: 'refuse',
        tracing: { sampling: 5, otlp: { endpoint: 'http://collector.observability:4318' } },
        defaults: { requestTimeout: '10s' },
      },
    },
  ],
})

export type MeshPolicyResource = DeepReadonly<z.output<typeof meshPolicySchema>>
