import { z } from 'zod'
import { type DeepReadonly, deepFreeze } from './deep-readonly.ts'
import { countMax, dnsLabel, percent, positiveDuration, upgrades } from './fields.ts'
import { metadata } from './metadata.ts'
import { object } from './object.ts'

const circuitBreaker = object({
  maxConnections: countMax.default(1024).describe('Connections to all endpoints together, from one sidecar.'),
  maxPendingRequests: countMax.default(1024).describe('Requests that wait for a connection.'),
  maxRequests: countMax.default(1024).describe('Requests under way.'),
})

const outlierDetection = object({
  consecutiveErrors: z
    .number()
    .int()
    .min(0)
    .max(10_000)
    .default(5)
    .describe('5xx answers and failed connections in a row that eject an endpoint; 0 turns ejection off.'),
  baseEjectionTime: positiveDuration
    .default('30s')
    .describe('How long the first ejection lasts; each further one lasts longer.'),
  maxEjectedPercent: percent.default(50).describe('Never eject more than this share of the endpoints.'),
  minHealthyPercent: percent.default(50).describe('With fewer healthy endpoints than this, use all of them.'),
})

const retryBudget = object({
  percent: percent.default(20).describe('Retries may add this share to the requests of the interval (GEP-3388).'),
  minRetriesPerSecond: z
    .number()
    .min(0)
    .max(1_000_000)
    .default(10)
    .describe('So many are allowed in any case, so that a quiet service can retry at all.'),
  interval: positiveDuration.default('10s').describe('The window over which requests are counted.'),
})

const trafficSettings = object({
  targetRef: object({
    group: z.literal('').optional().describe('Empty: the core group.'),
    kind: z.literal('Service', { error: 'must be Service' }).describe('What the policy is for.'),
    name: dnsLabel.describe("A Service of the policy's own namespace."),
  }).describe('The Service that it holds for.'),
  circuitBreaker: circuitBreaker.prefault({}).describe('Limits of one sidecar towards the Service.'),
  outlierDetection: outlierDetection.prefault({}).describe('When an endpoint is left alone for a while.'),
  retryBudget: retryBudget.prefault({}).describe('How much load retries may add.'),
  connectTimeout: positiveDuration.default('1s').describe('How long a connection may take to come up.'),
  preserveHeaderCase: z
    .boolean()
    .default(false)
    .describe(
      'Keep the upper and lower case of field names between callers and applications that speak HTTP/1.1. Names mean the same in any case and arrive in lower case, as HTTP/2 between sidecars has them; this is for programs that look at it all the same. It costs each request some hundred bytes.',
    ),
  allowedUpgrades: upgrades
    .optional()
    .describe(
      'Protocols that a request to the Service may switch to (`Upgrade`, or the extended CONNECT of RFC 8441): `[websocket]`. `["*"]` is any, `[]` none. Others are refused with 403, by the sidecars of the Service and of its callers. Unset: what `MeshPolicy` says.',
    ),
})

export const trafficPolicySchema = object({
  apiVersion: z.literal('selvedge.dev/v1'),
  kind: z.literal('TrafficPolicy'),
  metadata,
  spec: trafficSettings,
}).meta({
  description:
    'How callers treat a Service: circuit breaker, outlier detection, retry budget; and which protocols may be switched to. Of several for one Service the oldest holds.',
  examples: [
    {
      apiVersion: 'selvedge.dev/v1',
      kind: 'TrafficPolicy',
      metadata: { name: 'payments', namespace: 'bookshop' },
      spec: {
        targetRef: { kind: 'Service', name: 'payments' },
        circuitBreaker: { maxRequests: 64 },
        outlierDetection: { consecutiveErrors: 5, baseEjectionTime: '10s' },
        retryBudget: { percent: 20, minRetriesPerSecond: 10 },
        connectTimeout: '500ms',
      },
    },
  ],
})

export type TrafficPolicyResource = DeepReadonly<z.output<typeof trafficPolicySchema>>

/** What holds for a Service that no policy names. */
export const TRAFFIC_DEFAULTS: Omit<TrafficPolicyResource['spec'], 'targetRef'> = deepFreeze(
  trafficSettings.omit({ targetRef: true }).parse({}),
)
