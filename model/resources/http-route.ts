import { z } from 'zod'
import { parseDurationMs } from '../../common/mod.ts'
import type { DeepReadonly } from './deep-readonly.ts'
import { dnsLabel, dnsSubdomain, duration, port } from './fields.ts'
import { httpRouteFilter } from './http-route-filter.ts'
import { httpRouteMatch } from './http-route-match.ts'
import { RETRY_ATTEMPTS_MAX } from './mesh-policy.ts'
import { metadata } from './metadata.ts'
import { object } from './object.ts'

// Gateway API's own bounds.
const PARENTS_MAX = 32
const HOSTNAMES_MAX = 16
const RULES_MAX = 16
const MATCHES_MAX = 64
const MATCHES_OF_ROUTE_MAX = 128
const FILTERS_MAX = 16
const BACKENDS_MAX = 16
const WEIGHT_MAX = 1_000_000
const RETRY_CODES_MAX = 64

const serviceKind = z.literal('Service', {
  error: issue =>
    issue.input === undefined
      ? 'is missing: write kind: Service (without it, Gateway API means a Gateway)'
      : 'must be Service: routes attach to Services here (GAMMA)',
})
const coreGroup = z.literal('', { error: 'must be "", the group of Service' })

const parentRef = object(
  {
    group: coreGroup.optional().describe('Empty: the core group.'),
    kind: serviceKind.describe('What the route attaches to.'),
    name: dnsLabel.describe('The Service whose requests it routes.'),
    namespace: dnsLabel
      .optional()
      .describe(
        "Default: the route's. A route in the Service's namespace holds for all callers, in another for callers there.",
      ),
    port: port.optional().describe('One port of the Service. Default: all.'),
  },
  { sectionName: 'use port' },
)

const backendRef = object(
  {
    group: coreGroup.optional().describe('Empty: the core group.'),
    kind: z.literal('Service', { error: 'must be Service' }).default('Service').describe('What takes the requests.'),
    name: dnsLabel.describe('The Service that takes the requests.'),
    namespace: dnsLabel.optional().describe("Default: the route's."),
    port: port.describe('A port of the Service.'),
    weight: z
      .number()
      .int()
      .min(0)
      .max(WEIGHT_MAX)
      .default(1)
      .describe('Its share is its weight of the sum of all weights; 0 is none.'),
  },
  { filters: "put them into the rule's filters" },
)

const timeouts = object({
  request: duration.optional().describe('For the whole request, all attempts together; `0s` is no limit.'),
  backendRequest: duration.optional().describe('For one attempt, at most `request`; `0s` is no limit.'),
}).superRefine(({ request, backendRequest }, context) => {
  if (request === undefined || backendRequest === undefined) return
  const whole = parseDurationMs(request)
  const attempt = parseDurationMs(backendRequest)
  if (whole.ok && attempt.ok && whole.value > 0 && attempt.value > whole.value) {
    const message = `is ${backendRequest}, longer than request (${request}): an attempt cannot outlast the whole`
    context.addIssue({ code: 'custom', path: ['backendRequest'], message })
  }
})

const retry = object({
  codes: z
    .array(z.number().int().min(400).max(599))
    .max(RETRY_CODES_MAX)
    .optional()
    .describe(
      'Status codes that are worth another try. Connection failures always are, and broken connections where the request is safe to repeat.',
    ),
  attempts: z.number().int().min(0).max(RETRY_ATTEMPTS_MAX).default(1).describe('Retries, not counting the first try.'),
  backoff: duration.default('25ms').describe('The least pause before a retry; jitter comes on top.'),
})

const rule = object(
  {
    name: dnsSubdomain.optional().describe('What metrics, logs and explanations call it.'),
    matches: z
      .array(httpRouteMatch)
      .min(1)
      .max(MATCHES_MAX)
      .default([{ path: { type: 'PathPrefix', value: '/' } }])
      .describe('One of them must match. Default: every request.'),
    filters: z.array(httpRouteFilter).max(FILTERS_MAX).optional().describe('Each type at most once.'),
    backendRefs: z
      .array(backendRef)
      .max(BACKENDS_MAX)
      .optional()
      .describe('Where requests go; needed unless the rule redirects.'),
    timeouts: timeouts.optional().describe('Without it the defaults of the mesh hold.'),
    retry: retry.optional().describe('When to try again (GEP-1731). Without it the defaults of the mesh hold.'),
  },
  { sessionPersistence: 'leave it out' },
).superRefine(checkRule)

const rules = z
  .array(rule)
  .min(1)
  .max(RULES_MAX)
  .superRefine((value, context) => {
    const names = new Set<string>()
    let matches = 0
    for (const [index, { name, matches: own }] of value.entries()) {
      matches += own.length
      if (name === undefined) continue
      if (names.has(name))
        context.addIssue({ code: 'custom', path: [index, 'name'], message: `is given twice: ${name}` })
      names.add(name)
    }
    if (matches > MATCHES_OF_ROUTE_MAX)
      context.addIssue(`has ${matches} matches: a route has at most ${MATCHES_OF_ROUTE_MAX}`)
  })

export const httpRouteSchema = object({
  apiVersion: z.literal('gateway.networking.k8s.io/v1'),
  kind: z.literal('HTTPRoute'),
  metadata,
  spec: object(
    {
      parentRefs: z.array(parentRef).min(1).max(PARENTS_MAX).describe('The Services whose requests it routes (GAMMA).'),
      hostnames: z
        .array(z.string().max(253))
        .max(HOSTNAMES_MAX)
        .optional()
        .describe('Ignored for Services, as Gateway API asks; a warning says so.'),
      rules: rules.describe(
        'The best match of all routes of a Service wins; in a tie the older route, then the first rule.',
      ),
    },
    { useDefaultGateways: 'routes attach to Services here' },
  ),
}).meta({
  description: 'Where the requests to a Service go (Gateway API v1, attached to Services as GAMMA says).',
  examples: [
    {
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'HTTPRoute',
      metadata: { name: 'catalog-canary', namespace: 'bookshop' },
      spec: {
        parentRefs: [{ group: '', kind: 'Service', name: 'catalog', port: 80 }],
        rules: [
          {
            name: 'testers',
            matches: [{ headers: [{ name: 'x-tester', value: 'yes' }] }],
            backendRefs: [{ name: 'catalog-v2', port: 80 }],
          },
          {
            name: 'split',
            backendRefs: [
              { name: 'catalog-v1', port: 80, weight: 90 },
              { name: 'catalog-v2', port: 80, weight: 10 },
            ],
            timeouts: { request: '2s' },
            retry: { attempts: 2, codes: [503], backoff: '25ms' },
          },
        ],
      },
    },
  ],
})

export type HttpRouteResource = DeepReadonly<z.output<typeof httpRouteSchema>>
export type HttpRouteRule = HttpRouteResource['spec']['rules'][number]

type RuleOutput = Pick<HttpRouteRule, 'matches' | 'filters' | 'backendRefs'>

/** What Gateway API says of a rule as a whole: filters at most once each, redirect against rewrite and backends, prefix replacement. */
function checkRule(value: RuleOutput, context: z.core.$RefinementCtx): void {
  const add = (path: (string | number)[], message: string) => context.addIssue({ code: 'custom', path, message })
  const filters = value.filters ?? []
  const types = new Set<string>()
  for (const [index, filter] of filters.entries()) {
    if (types.has(filter.type)) add(['filters', index, 'type'], `is given twice: a rule has at most one ${filter.type}`)
    types.add(filter.type)
    const path =
      filter.type === 'RequestRedirect'
        ? filter.requestRedirect.path
        : filter.type === 'URLRewrite'
          ? filter.urlRewrite.path
          : undefined
    if (path?.type === 'ReplacePrefixMatch' && !hasOnePrefix(value)) {
      const field = filter.type === 'RequestRedirect' ? 'requestRedirect' : 'urlRewrite'
      add(
        ['filters', index, field, 'path', 'type'],
        'is ReplacePrefixMatch, which needs exactly one match, of type PathPrefix',
      )
    }
  }
  const redirects = types.has('RequestRedirect')
  if (redirects && types.has('URLRewrite')) add(['filters'], 'has both RequestRedirect and URLRewrite: use one of them')
  const backends = value.backendRefs?.length ?? 0
  if (redirects && backends > 0) add(['backendRefs'], 'must be left out: the rule answers with a redirect')
  if (!redirects && backends === 0) {
    add(['backendRefs'], 'is missing: without a Service each request that matches would be answered with 500')
  }
}

function hasOnePrefix(value: RuleOutput): boolean {
  return value.matches.length === 1 && value.matches[0]?.path.type === 'PathPrefix'
}
