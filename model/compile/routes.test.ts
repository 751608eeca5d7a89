import { describe, expect, test } from 'vitest'
import type { ServiceSnapshot } from '../snapshot/mod.ts'
import { compileService, withBackends } from './mod.ts'
import { aRoute, aService, service, worldFrom } from './world.fixture.ts'

const REVIEWS = aService('shop/reviews', 'ports: [{name: http, port: 80}, {name: admin, port: 81}]')
const BACKEND = 'backendRefs: [{name: reviews, port: 80}]'

type Routing = ServiceSnapshot['routing']

function routingOf(caller: string, ...documents: readonly string[]): Routing {
  const compiled = compileService(worldFrom(REVIEWS, ...documents), caller, service('shop/reviews'))
  if (compiled === undefined) throw new Error('unreachable')
  return compiled.routing
}

function rulesOf(...rules: readonly string[]) {
  const routing = routingOf('shop', aRoute('shop/r', rules.join(', ')))
  if (routing.kind === 'none-attached') throw new Error('unreachable')
  return routing
}

/** `route @ ports` of each entry. */
function attached(routing: Routing): string[] {
  if (routing.kind === 'none-attached') return []
  return routing.entries.map(({ rule, ports }) => `${routing.rules[rule]?.route} @ ${ports.join(',') || 'all'}`)
}

describe('which routes are attached', () => {
  test('none: requests pass through [GW-15]', () => {
    expect(routingOf('shop')).toEqual({ kind: 'none-attached' })
  })

  test('without a port, to all ports [GW-16]', () => {
    expect(attached(routingOf('shop', aRoute('shop/r', `{${BACKEND}}`)))).toEqual(['shop/r @ all'])
  })

  test('with a port, to that port alone [GW-16]', () => {
    expect(attached(routingOf('shop', aRoute('shop/r', `{${BACKEND}}`, { parent: ', port: 81' })))).toEqual([
      'shop/r @ 81',
    ])
  })

  test('not where the port does not exist', () => {
    expect(routingOf('shop', aRoute('shop/r', `{${BACKEND}}`, { parent: ', port: 82' })).kind).toBe('none-attached')
  })

  test('a reference without a port takes in those with one', () => {
    const parent = ', port: 81}, {group: "", kind: Service, name: reviews'
    expect(attached(routingOf('shop', aRoute('shop/r', `{${BACKEND}}`, { parent })))).toEqual(['shop/r @ all'])
  })

  test("a route in the Service's namespace holds for callers everywhere [GW-17]", () => {
    expect(attached(routingOf('far', aRoute('shop/r', `{${BACKEND}}`)))).toEqual(['shop/r @ all'])
  })

  test('a route in another namespace holds for callers there alone [GW-17]', () => {
    const route = aRoute('far/r', '{backendRefs: [{name: reviews, namespace: shop, port: 80}]}', {
      parent: ', namespace: shop',
    })
    expect(attached(routingOf('far', route))).toEqual(['far/r @ all'])
    expect(attached(routingOf('shop', route))).toEqual([])
    expect(attached(routingOf('other', route))).toEqual([])
  })

  test("a consumer's route replaces the producer's for its callers, port by port [GW-17]", () => {
    const rule = '{backendRefs: [{name: reviews, namespace: shop, port: 80}]}'
    const producer = aRoute('shop/p', rule)
    const all = aRoute('far/c', rule, { parent: ', namespace: shop' })
    const one = aRoute('far/c', rule, { parent: ', namespace: shop, port: 81' })
    expect(attached(routingOf('far', producer, all))).toEqual(['far/c @ all'])
    expect(attached(routingOf('far', producer, one))).toEqual(['far/c @ 81', 'shop/p @ 80'])
    expect(attached(routingOf('shop', producer, one))).toEqual(['shop/p @ all'])
  })
})

describe('rules', () => {
  test('each match of each rule is an entry of its own; unnamed rules are known by their place', () => {
    const { entries, rules } = rulesOf(
      `{name: first, matches: [{path: {value: /a}}, {path: {value: /b/}}], ${BACKEND}}`,
      `{${BACKEND}}`,
    )
    expect(rules.map(({ name }) => name)).toEqual(['first', '#1'])
    expect(entries.map(({ rule, path }) => [rule, path.value])).toEqual([
      [0, '/a'],
      [0, '/b'],
      [1, '/'],
    ])
  })

  test('of header matches with one name the first counts, without case; query names have case [GW-5]', () => {
    const { entries } = rulesOf(
      `{matches: [{headers: [{name: X-A, value: a}, {name: x-a, value: b}], queryParams: [{name: Q, value: a}, {name: q, value: b}, {name: q, value: c}]}], ${BACKEND}}`,
    )
    expect(entries[0]).toMatchObject({
      headers: [{ name: 'x-a', kind: 'exact', value: 'a' }],
      query: [
        { name: 'Q', value: 'a' },
        { name: 'q', value: 'b' },
      ],
    })
  })

  test('weights stay as they are, with 1 where none is given [GW-6]', () => {
    const { rules } = rulesOf('{backendRefs: [{name: reviews, port: 80}, {name: reviews, port: 81, weight: 0}]}')
    expect(rules[0]?.backends).toEqual([
      { kind: 'service', service: 'shop/reviews', port: 80, weight: 1 },
      { kind: 'service', service: 'shop/reviews', port: 81, weight: 0 },
    ])
  })

  test('a backend that does not exist is invalid, keeps its weight, and says why [GW-7]', () => {
    const { rules } = rulesOf('{backendRefs: [{name: gone, port: 80, weight: 9}, {name: reviews, port: 1}]}')
    expect(rules[0]?.backends).toEqual([
      { kind: 'invalid', why: 'Service shop/gone does not exist', weight: 9 },
      { kind: 'invalid', why: 'Service shop/reviews has no port 1', weight: 1 },
    ])
  })

  test.each([
    ['{request: 2s, backendRequest: 500ms}', 2000, 500],
    ['{request: 0s, backendRequest: 0s}', 0, undefined],
    ['{}', undefined, undefined],
  ])(
    'timeouts %s: 0 is kept for the request, so that it disables the default of the mesh [GW-11]',
    (timeouts, request, attempt) => {
      const { rules } = rulesOf(`{timeouts: ${timeouts}, ${BACKEND}}`)
      expect(rules[0]).toMatchObject({ requestTimeoutMs: request, attemptTimeoutMs: attempt })
    },
  )

  test('retries have their codes sorted and their defaults [GW-13]', () => {
    const { rules } = rulesOf(`{retry: {codes: [503, 500, 503]}, ${BACKEND}}`, `{${BACKEND}}`)
    expect(rules[0]?.retry).toEqual({ attempts: 1, codes: [500, 503], backoffMs: 25 })
    expect(rules[1]?.retry).toBeUndefined()
  })

  test('filters keep their order, and a prefix replacement knows its prefix [GW-8]', () => {
    const { rules } = rulesOf(
      `{matches: [{path: {value: /old/}}], filters: [
        {type: URLRewrite, urlRewrite: {hostname: a.example, path: {type: ReplacePrefixMatch, replacePrefixMatch: /new}}},
        {type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: X-A, value: b}], remove: [x-c]}},
        {type: ResponseHeaderModifier, responseHeaderModifier: {add: [{name: X-D, value: e}]}}], ${BACKEND}}`,
      '{filters: [{type: RequestRedirect, requestRedirect: {scheme: https, path: {type: ReplaceFullPath, replaceFullPath: /x}}}]}',
    )
    expect(rules.map(({ filters }) => filters)).toEqual([
      [
        { kind: 'rewrite', hostname: 'a.example', path: { kind: 'prefix', from: '/old', value: '/new' } },
        { kind: 'request-headers', change: { set: [['X-A', 'b']], add: [], remove: ['x-c'] } },
        { kind: 'response-headers', change: { set: [], add: [['X-D', 'e']], remove: [] } },
      ],
      [
        {
          kind: 'redirect',
          scheme: 'https',
          hostname: undefined,
          port: undefined,
          path: { kind: 'full', value: '/x' },
          status: 302,
        },
      ],
    ])
  })
})

describe('what a caller must know', () => {
  test('a Service that does not exist has no snapshot', () => {
    expect(compileService(worldFrom(REVIEWS), 'shop', service('shop/gone'))).toBeUndefined()
  })

  test.each([
    ['detect', 'detect'],
    ['http', 'http'],
    ['HTTP', 'http'],
    ['kubernetes.io/ws', 'http'],
    ['http2', 'http2'],
    ['kubernetes.io/h2c', 'http2'],
    ['grpc', 'grpc'],
    ['grpc-web', 'http'],
    ['tcp', 'tcp'],
    ['https', 'tcp'],
    ['kubernetes.io/wss', 'tcp'],
    ['mysql', 'tcp'],
    ['postgresql', 'tcp'],
    ['redis', 'tcp'],
    ['smtp', 'tcp'],
    ['example.com/own', 'tcp'],
  ])('appProtocol %s is %s', (appProtocol, protocol) => {
    const world = worldFrom(aService('shop/a', `ports: [{port: 80, appProtocol: ${appProtocol}}]`))
    expect(compileService(world, 'shop', service('shop/a'))?.ports).toEqual([{ port: 80, name: '', protocol }])
  })

  test('the backends of what is wanted come along, sorted and unique; what does not exist stays if it was asked for', () => {
    const world = worldFrom(
      REVIEWS,
      aService('shop/b'),
      aService('shop/a'),
      aRoute('shop/r', '{backendRefs: [{name: b, port: 80}, {name: a, port: 80}, {name: gone, port: 80}]}'),
    )
    const wanted = [service('shop/reviews'), service('shop/b'), service('shop/missing')]
    expect(withBackends(world, 'shop', wanted)).toEqual(['shop/a', 'shop/b', 'shop/missing', 'shop/reviews'])
  })
})
