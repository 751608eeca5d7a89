import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatProblem, validateResource } from './mod.ts'

type Json = Readonly<Record<string, unknown>>

const service = (spec: Json): Json => ({ apiVersion: 'v1', kind: 'Service', metadata: { name: 'reviews' }, spec })
const own = (kind: string, spec: Json, metadata: Json = { name: 'x' }): Json => {
  return { apiVersion: 'selvedge.dev/v1', kind, metadata, spec }
}
const workload = (spec: Json): Json => own('Workload', { address: '10.0.0.7', ...spec })
const route = (rule: Json, spec: Json = {}): Json => ({
  apiVersion: 'gateway.networking.k8s.io/v1',
  kind: 'HTTPRoute',
  metadata: { name: 'canary', namespace: 'bookshop' },
  spec: {
    parentRefs: [{ group: '', kind: 'Service', name: 'reviews' }],
    rules: [{ backendRefs: [{ name: 'reviews', port: 80 }], ...rule }],
    ...spec,
  },
})

function problemsOf(value: unknown): string[] {
  const result = validateResource(value)
  return result.ok ? [] : result.error.map(problem => formatProblem(problem).replace(/^[^:]*: /, ''))
}

const pathMatch = (type: string, value: string): Json => route({ matches: [{ path: { type, value } }] })
const filters = (...list: readonly Json[]): Json => route({ filters: list })
const setHeader = (name: string, value = 'x'): Json => {
  return filters({ type: 'RequestHeaderModifier', requestHeaderModifier: { set: [{ name, value }] } })
}
const rewritePrefix = {
  type: 'URLRewrite',
  urlRewrite: { path: { type: 'ReplacePrefixMatch', replacePrefixMatch: '/' } },
}
const redirect = { type: 'RequestRedirect', requestRedirect: { scheme: 'https' } }

describe('what is accepted', () => {
  test.each<[string, Json]>([
    ['a Service with one port', service({ ports: [{ port: 80 }] })],
    ['a Service without a selector, headless', service({ ports: [{ port: 65_535 }], clusterIP: 'None' })],
    [
      'a Service as Kubernetes prints it',
      {
        ...service({
          ports: [{ name: 'http', port: 80, protocol: 'TCP', targetPort: 'http' }],
          ...{ type: 'ClusterIP', clusterIP: '10.96.0.53', clusterIPs: ['10.96.0.53'], selector: { app: 'reviews' } },
          ...{ internalTrafficPolicy: 'Cluster', sessionAffinity: 'None' },
          ...{ ipFamilies: ['IPv4'], ipFamilyPolicy: 'SingleStack' },
        }),
        status: { loadBalancer: {} },
      },
    ],
    ['a Workload with an IPv6 address', workload({ address: 'fd00::7' })],
    [
      'a route with every supported part',
      route({
        name: 'v2',
        matches: [
          {
            path: { type: 'PathPrefix', value: '/a' },
            method: 'GET',
            headers: [{ name: 'X-User', value: 'a' }],
            queryParams: [{ name: 'q', type: 'RegularExpression', value: 'a+' }],
          },
        ],
        filters: [{ type: 'ResponseHeaderModifier', responseHeaderModifier: { remove: ['server'] } }, rewritePrefix],
        timeouts: { request: '2s', backendRequest: '2s' },
        retry: { codes: [400, 599], attempts: 2, backoff: '10ms' },
      }),
    ],
    ['a redirect without backends', route({ filters: [redirect], backendRefs: undefined })],
    [
      'an attempt timeout beside a request timeout that is off [GW-11]',
      route({ timeouts: { request: '0s', backendRequest: '1s' } }),
    ],
    ['an empty MeshPolicy', own('MeshPolicy', {}, { name: 'default' })],
    ['a collector', own('MeshPolicy', { tracing: { otlp: { endpoint: 'grpc://[::1]:4317' } } }, { name: 'default' })],
    ['no collector', own('MeshPolicy', { tracing: { otlp: { endpoint: 'none' } } }, { name: 'default' })],
    ['a Process', own('Process', { command: ['node', 'app.js'], service: 'reviews', replicas: 3 })],
  ])('%s', (_, value) => {
    expect(problemsOf(value)).toEqual([])
  })

  test('defaults are filled in, and the resource is frozen throughout', () => {
    const result = validateResource(route({}))
    expect(result).toMatchObject({
      ok: true,
      value: {
        metadata: { labels: {} },
        spec: {
          rules: [
            {
              matches: [{ path: { type: 'PathPrefix', value: '/' } }],
              backendRefs: [{ kind: 'Service', weight: 1 }],
            },
          ],
        },
      },
    })
    if (!result.ok || result.value.kind !== 'HTTPRoute') throw new Error('unreachable')
    expect(Object.isFrozen(result.value.spec.rules[0]?.matches[0]?.path)).toBe(true)
  })

  test('the namespace is default where none is given', () => {
    expect(validateResource(service({ ports: [{ port: 80 }] }))).toMatchObject({
      value: { metadata: { namespace: 'default' } },
    })
  })
})

describe('what is refused, with the path and what to do', () => {
  test.each<[Json, string]>([
    [service({ ports: [{ port: 0 }] }), 'spec.ports[0].port must be at least 1, not 0'],
    [service({ ports: [{ port: 65_536 }] }), 'spec.ports[0].port must be at most 65535, not 65536'],
    [service({ ports: [] }), 'spec.ports must have an entry'],
    [service({}), 'spec.ports is missing'],
    [service({ ports: [{ port: '80' }] }), 'spec.ports[0].port must be a number, not "80"'],
    [
      service({ ports: [{ port: 80 }, { port: 81, name: 'b' }] }),
      'spec.ports[0].name is missing: with several ports each needs a name',
    ],
    [
      service({
        ports: [
          { port: 80, name: 'a' },
          { port: 80, name: 'b' },
        ],
      }),
      'spec.ports[1].port is given twice: 80',
    ],
    [
      service({ ports: [{ port: 80, protocol: 'UDP' }] }),
      'spec.ports[0].protocol must be TCP: other transports are not supported yet',
    ],
    [
      service({ ports: [{ port: 80 }], sessionAffinity: 'ClientIP' }),
      'spec.sessionAffinity must be None: Selvedge does nothing else yet',
    ],
    [service({ ports: [{ port: 80 }], selectr: {} }), 'spec.selectr is unknown: did you mean selector?'],
    [workload({ address: 'localhost' }), 'spec.address must be an IP address, as in 10.0.0.7 or fd00::7'],
    [
      workload({ ports: [{ port: 80, protocol: 'htp' }] }),
      'spec.ports[0].protocol cannot be "htp": did you mean http?',
    ],
    [
      own('MeshPolicy', {}, { name: 'other' }),
      'metadata.name must be default: one policy holds for a namespace, and the one in selvedge-system for the mesh',
    ],
    [
      own('MeshPolicy', { tracing: { otlp: { endpoint: 'http://collector' } } }, { name: 'default' }),
      "spec.tracing.otlp.endpoint must have a port: OTLP's own is 4318, as in http://collector:4318",
    ],
    [
      own('MeshPolicy', { tracing: { otlp: { endpoint: 'udp://collector:6831' } } }, { name: 'default' }),
      'spec.tracing.otlp.endpoint must be the URL of a collector: http://HOST:4318, https://HOST:4318, grpc://HOST:4317 or grpcs://HOST:4317',
    ],
    [
      own('MeshPolicy', { tracing: { otlp: { endpoints: 'http://collector:4318' } } }, { name: 'default' }),
      'spec.tracing.otlp.endpoints is unknown: did you mean endpoint?',
    ],
    [own('MeshPolicy', { mtls: 'of' }, { name: 'default' }), 'spec.mtls cannot be "of": use one of strict, permissive'],
    [
      own('Process', { command: ['x'], port: 80, replicas: 2 }),
      'spec.port cannot be 80 for 2 replicas on one machine: leave it out, and each gets a free one as PORT',
    ],
    [
      own('TrafficPolicy', { targetRef: { kind: 'Service', name: 'x' }, retryBudget: { percent: 101 } }),
      'spec.retryBudget.percent must be at most 100, not 101',
    ],
    [
      own('TrafficPolicy', { targetRef: { kind: 'Service', name: 'x' }, connectTimeout: '0s' }),
      'spec.connectTimeout must be longer than nothing',
    ],
  ])('%# %j', (value, problem) => {
    expect(problemsOf(value)).toEqual([problem])
  })

  test.each<[string, unknown, string]>([
    ['an unknown kind', { kind: 'HttpRoute' }, 'kind is "HttpRoute", which is unknown: did you mean HTTPRoute?'],
    [
      'a missing kind',
      {},
      'kind is missing: write one of Service, Workload, HTTPRoute, TrafficPolicy, MeshPolicy, Process',
    ],
    [
      'an old version',
      { ...route({}), apiVersion: 'gateway.networking.k8s.io/v1beta1' },
      'apiVersion is "gateway.networking.k8s.io/v1beta1", which is unknown for HTTPRoute: did you mean gateway.networking.k8s.io/v1?',
    ],
    ['a string', 'x', 'is not a resource: write apiVersion, kind, metadata and spec'],
    ['null', null, 'is not a resource: write apiVersion, kind, metadata and spec'],
    [
      'a bad name',
      { ...route({}), metadata: { name: 'A b' } },
      'metadata.name must be a DNS name: labels of a-z, 0-9 and "-", joined by dots, in lower case',
    ],
    [
      'a field of metadata',
      { ...route({}), metadata: { name: 'a', lables: {} } },
      'metadata.lables is unknown: did you mean labels?',
    ],
  ])('%s [API-9]', (_, value, problem) => {
    expect(problemsOf(value)).toEqual([problem])
  })
})

describe('HTTPRoute', () => {
  test.each<[string, Json, string]>([
    ['a path without a slash', pathMatch('Exact', 'a'), 'spec.rules[0].matches[0].path.value must begin with "/"'],
    [
      'a path that a normaliser would change',
      pathMatch('PathPrefix', '/a/../b'),
      'spec.rules[0].matches[0].path.value must not hold "/../"',
    ],
    ['an encoded slash', pathMatch('Exact', '/a%2Fb'), 'spec.rules[0].matches[0].path.value must not hold "%2F"'],
    [
      'a regex with a back-reference [API-6]',
      pathMatch('RegularExpression', '(a)\\1'),
      'spec.rules[0].matches[0].path.value is not a regular expression in RE2 syntax (no look-around, no back-references): invalid escape sequence: `\\1`',
    ],
    [
      'a regex whose repetitions explode [API-6]',
      pathMatch('RegularExpression', '((a{100}){10}){10}'),
      'spec.rules[0].matches[0].path.value is not a regular expression in RE2 syntax (no look-around, no back-references): invalid repeat count: `{10}`',
    ],
    [
      'a regex that becomes a large program [API-6]',
      pathMatch('RegularExpression', '[a-z]{1000}'.repeat(6)),
      'spec.rules[0].matches[0].path.value repeats too much to be matched fast: repeat less, or use * and +',
    ],
    [
      'a regex of more than 1024 characters',
      pathMatch('RegularExpression', 'a'.repeat(1025)),
      'spec.rules[0].matches[0].path.value must have at most 1024 characters, not 1025',
    ],
    [
      'a regex of more than 1024 characters in a header',
      route({ matches: [{ headers: [{ name: 'a', type: 'RegularExpression', value: 'a'.repeat(1025) }] }] }),
      'spec.rules[0].matches[0].headers[0].value is too long: a regular expression has at most 1024 characters',
    ],
    [
      'redirect and rewrite together [GW-8]',
      route({ filters: [redirect, { type: 'URLRewrite', urlRewrite: { hostname: 'a' } }], backendRefs: [] }),
      'spec.rules[0].filters has both RequestRedirect and URLRewrite: use one of them',
    ],
    [
      'a redirect with backends [GW-8]',
      filters(redirect),
      'spec.rules[0].backendRefs must be left out: the rule answers with a redirect',
    ],
    [
      'prefix replacement with an exact match [GW-8]',
      route({ matches: [{ path: { type: 'Exact', value: '/a' } }], filters: [rewritePrefix] }),
      'spec.rules[0].filters[0].urlRewrite.path.type is ReplacePrefixMatch, which needs exactly one match, of type PathPrefix',
    ],
    [
      'prefix replacement with two matches [GW-8]',
      route({ matches: [{ path: { value: '/a' } }, { path: { value: '/b' } }], filters: [rewritePrefix] }),
      'spec.rules[0].filters[0].urlRewrite.path.type is ReplacePrefixMatch, which needs exactly one match, of type PathPrefix',
    ],
    [
      'a filter twice [GW-9]',
      filters(rewritePrefix, rewritePrefix),
      'spec.rules[0].filters[1].type is given twice: a rule has at most one URLRewrite',
    ],
    [
      'a mirror',
      filters({ type: 'RequestMirror', requestMirror: {} }),
      'spec.rules[0].filters[0].type is RequestMirror, which is not supported yet: supported are RequestHeaderModifier, ResponseHeaderModifier, RequestRedirect, URLRewrite',
    ],
    [
      'CORS',
      filters({ type: 'CORS', cors: {} }),
      'spec.rules[0].filters[0].type is CORS, which is not supported yet: supported are RequestHeaderModifier, ResponseHeaderModifier, RequestRedirect, URLRewrite',
    ],
    [
      'an extension [GW-9]',
      filters({ type: 'ExtensionRef', extensionRef: {} }),
      'spec.rules[0].filters[0].type is ExtensionRef, which is not supported yet: supported are RequestHeaderModifier, ResponseHeaderModifier, RequestRedirect, URLRewrite',
    ],
    [
      'session persistence',
      route({ sessionPersistence: {} }),
      'spec.rules[0].sessionPersistence is not supported yet: leave it out',
    ],
    [
      'filters of one backend',
      route({ backendRefs: [{ name: 'a', port: 80, filters: [] }] }),
      "spec.rules[0].backendRefs[0].filters is not supported yet: put them into the rule's filters",
    ],
    [
      'a backend without a port',
      route({ backendRefs: [{ name: 'a' }] }),
      'spec.rules[0].backendRefs[0].port is missing',
    ],
    [
      'no backend',
      route({ backendRefs: [] }),
      'spec.rules[0].backendRefs is missing: without a Service each request that matches would be answered with 500',
    ],
    [
      'a duration without a unit [GW-12]',
      route({ timeouts: { request: '10' } }),
      'spec.rules[0].timeouts.request must be a duration: numbers with units h, m, s or ms, as in 250ms, 10s or 1h30m',
    ],
    [
      'a duration with a fraction [GW-12]',
      route({ timeouts: { request: '1.5s' } }),
      'spec.rules[0].timeouts.request must be a duration: numbers with units h, m, s or ms, as in 250ms, 10s or 1h30m',
    ],
    [
      'an attempt longer than the whole [GW-11]',
      route({ timeouts: { request: '1s', backendRequest: '1001ms' } }),
      'spec.rules[0].timeouts.backendRequest is 1001ms, longer than request (1s): an attempt cannot outlast the whole',
    ],
    [
      'a retry code below 400 [GW-13]',
      route({ retry: { codes: [399] } }),
      'spec.rules[0].retry.codes[0] must be at least 400, not 399',
    ],
    [
      'a retry code above 599 [GW-13]',
      route({ retry: { codes: [600] } }),
      'spec.rules[0].retry.codes[0] must be at most 599, not 600',
    ],
    [
      'a change of Content-Length',
      setHeader('Content-Length'),
      "spec.rules[0].filters[0].requestHeaderModifier.set[0].name cannot be Content-Length: it frames the message, which is the sidecar's work",
    ],
    [
      "a change of the mesh's own headers",
      setHeader('X-Selvedge-Caller'),
      'spec.rules[0].filters[0].requestHeaderModifier.set[0].name cannot begin with x-selvedge-: these are written by the mesh alone',
    ],
    [
      'a line end in a header',
      setHeader('x-a', 'b\r\nc: d'),
      'spec.rules[0].filters[0].requestHeaderModifier.set[0].value must hold visible characters, spaces and tabs only',
    ],
    [
      'a Gateway as parent',
      route({}, { parentRefs: [{ name: 'gw' }] }),
      'spec.parentRefs[0].kind is missing: write kind: Service (without it, Gateway API means a Gateway)',
    ],
    ['a misspelt field', route({ backendRef: [] }), 'spec.rules[0].backendRef is unknown: did you mean backendRefs?'],
  ])('refuses %s', (_, value, problem) => {
    expect(problemsOf(value)).toEqual([problem])
  })

  test('reports all faults of all rules together', () => {
    const bad = {
      backendRefs: [{ name: 'a', port: 80 }],
      matches: [{ path: { type: 'Exact', value: 'x' } }],
      retry: { codes: [1] },
      nmae: 'x',
    }
    expect(problemsOf(route({}, { rules: [bad, bad] }))).toHaveLength(6)
  })
})

describe('hostile values [API-5]', () => {
  test('__proto__ is refused wherever it stands', () => {
    const value: unknown = JSON.parse('{"kind":"Service","metadata":{"labels":{"__proto__":{"polluted":1}}}}')
    expect(problemsOf(value)).toEqual(['metadata.labels.__proto__ is not a name that a field can have'])
    expect(({} as Json).polluted).toBeUndefined()
  })

  test('64 levels are read, 65 are refused', () => {
    const nested = (levels: number): unknown => (levels === 0 ? 1 : { x: nested(levels - 1) })
    expect(problemsOf({ kind: 'Service', x: nested(63) })[0]).toContain('apiVersion')
    expect(problemsOf({ kind: 'Service', x: nested(64) })).toEqual(['x.x.x.x is nested deeper than 64 levels'])
  })

  test('what JSON does not have is refused', () => {
    expect(problemsOf({ kind: 'Service', spec: { ports: [{ port: Number.NaN }] } })).toEqual([
      'spec.ports[0].port is NaN, which is not a number that JSON has',
    ])
    expect(problemsOf({ kind: 'Service', spec: new Date(0) })).toEqual(['spec is not a plain value'])
  })

  test('no value makes it throw', () => {
    const shaped = fc.record({
      kind: fc.constantFrom('Service', 'HTTPRoute', 'Process'),
      apiVersion: fc.constantFrom('v1', 'selvedge.dev/v1', 'gateway.networking.k8s.io/v1'),
      metadata: fc.anything(),
      spec: fc.anything(),
    })
    fc.assert(fc.property(fc.oneof(fc.anything(), shaped), value => typeof validateResource(value).ok === 'boolean'))
  })

  test('what was accepted is accepted again, unchanged', () => {
    const first = validateResource(route({ timeouts: { request: '1s' } }))
    if (!first.ok) throw new Error('unreachable')
    expect(validateResource(JSON.parse(JSON.stringify(first.value)))).toEqual(first)
  })
})
