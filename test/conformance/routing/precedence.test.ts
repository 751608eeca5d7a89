import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { serviceKey } from '../../../common/mod.ts'
import { matchRoute, prepareRoutes } from '../../../decide/route/mod.ts'
import { compileService, worldOf } from '../../../model/compile/mod.ts'
import { formatProblem, parseResources } from '../../../model/resources/mod.ts'

// What a user writes, compiled and matched, against a matcher that reads the standard's words and nothing else: it keeps the resources
// as they were written, has no index and no order, and asks at each step of GW-1 who is left.

interface NamedMatch {
  readonly name: string
  readonly type: 'Exact' | 'RegularExpression'
  readonly value: string
}

interface Match {
  readonly path: { readonly type: 'Exact' | 'PathPrefix' | 'RegularExpression'; readonly value: string }
  readonly method?: string
  readonly headers?: readonly NamedMatch[]
  readonly queryParams?: readonly NamedMatch[]
}

interface Route {
  readonly name: string
  readonly created: string | undefined
  /** For each `parentRef` its port; `undefined` has none. */
  readonly ports: readonly (number | undefined)[]
  /** The matches of each rule. */
  readonly rules: readonly (readonly Match[])[]
}

interface Asked {
  readonly port: number
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly query: readonly (readonly [name: string, value: string])[]
}

const PORTS = [80, 81]
/** As the ports of `PORTS` are, but on the Service alone: no route names it. */
const OTHER_PORT = 82

// Few words, so that requests and matches meet, and matches compete.
const segment = fc.constantFrom('a', 'a', 'ab', 'v1')
const somePath = fc.array(segment, { maxLength: 2 }).map(parts => `/${parts.join('/')}`)
const slash = fc.constantFrom('', '/')
const path: fc.Arbitrary<Match['path']> = fc.oneof(
  fc.record({ type: fc.constant('Exact' as const), value: somePath }),
  {
    arbitrary: fc.record({
      type: fc.constant('PathPrefix' as const),
      value: fc.constantFrom('/', '/', '/a', '/a/', '/ab', '/v1/', '/a/a', '/a/a/', '/a/v1'),
    }),
    weight: 3,
  },
  fc.record({
    type: fc.constant('RegularExpression' as const),
    value: fc.constantFrom('/v[0-9]+', '/a(/.*)?', '.*b', '/'),
  }),
)
const someNamed: fc.Arbitrary<NamedMatch> = fc.oneof(
  {
    arbitrary: fc.record({
      name: fc.constantFrom('x', 'X', 'y'),
      type: fc.constant('Exact' as const),
      value: fc.constantFrom('1', '1', '1', 'a b'),
    }),
    weight: 1,
  },
  {
    arbitrary: fc.record({
      name: fc.constantFrom('x', 'Y'),
      type: fc.constant('RegularExpression' as const),
      value: fc.constantFrom('[12]', '.*'),
    }),
    weight: 1,
  },
)
const named = fc.oneof(
  { arbitrary: fc.constant([]), weight: 3 },
  { arbitrary: fc.array(someNamed, { minLength: 1, maxLength: 3 }), weight: 1 },
)
const match: fc.Arbitrary<Match> = fc.record(
  { path, method: fc.constantFrom('GET', 'POST'), headers: named, queryParams: named },
  { requiredKeys: ['path'] },
)
const route: fc.Arbitrary<Route> = fc.record({
  name: fc.constantFrom('r1', 'r2', 'r3', 'r4'),
  created: fc.constantFrom(undefined, '2026-01-01T00:00:00Z', '2026-01-01T00:00:01Z'),
  ports: fc.constantFrom([undefined], [80], [81], [80, 81], [81, undefined]),
  rules: fc.array(fc.array(match, { minLength: 1, maxLength: 3, size: 'max' }), {
    minLength: 1,
    maxLength: 3,
    size: 'max',
  }),
})
const routes = fc.uniqueArray(route, { minLength: 1, maxLength: 4, size: 'max', selector: ({ name }) => name })
const asked: fc.Arbitrary<Asked> = fc.record({
  port: fc.constantFrom(...PORTS, OTHER_PORT),
  method: fc.constantFrom('GET', 'GET', 'POST', 'get'),
  path: fc.tuple(somePath, slash).map(([value, end]) => (value === '/' ? value : value + end)),
  headers: fc.dictionary(fc.constantFrom('x', 'y'), fc.constantFrom('1', '1', '2', 'a b'), { noNullPrototype: true }),
  query: fc.array(fc.tuple(fc.constantFrom('x', 'X', 'y', 'Y'), fc.constantFrom('1', '1', '2', 'a b')), {
    maxLength: 4,
  }),
})

/** One match, with what GW-1 asks about it. */
interface Candidate {
  readonly route: Route
  readonly rule: number
  readonly match: Match
  readonly place: number
}

/** GW-3 and GW-5, word by word. */
function holds({ path, method, headers = [], queryParams = [] }: Match, ask: Asked): boolean {
  return (
    pathHolds(path, ask.path) &&
    (method === undefined || method === ask.method) &&
    firstOfEach(headers, name => name.toLowerCase()).every(each =>
      valueHolds(each, ask.headers[each.name.toLowerCase()]),
    ) &&
    firstOfEach(queryParams, name => name).every(each =>
      valueHolds(each, ask.query.find(([name]) => name === each.name)?.[1]),
    )
  )
}

function pathHolds({ type, value }: Match['path'], asked: string): boolean {
  if (type === 'Exact') return asked === value
  if (type === 'RegularExpression') return new RegExp(`^(?:${value})$`).test(asked)
  const wanted = value.split('/').filter(part => part !== '')
  const parts = asked.split('/').filter(part => part !== '')
  return wanted.every((part, index) => parts[index] === part)
}

function valueHolds({ type, value }: NamedMatch, found: string | undefined): boolean {
  if (found === undefined) return false
  return type === 'Exact' ? found === value : new RegExp(`^(?:${value})$`).test(found)
}

function firstOfEach(matches: readonly NamedMatch[], keyOf: (name: string) => string): NamedMatch[] {
  return matches.filter((each, index) => matches.findIndex(other => keyOf(other.name) === keyOf(each.name)) === index)
}

/** Those of `left` that have the least of something. */
function least(left: readonly Candidate[], of: (candidate: Candidate) => number | string): Candidate[] {
  const values = left.map(of)
  const [best] = values.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0))
  return left.filter((_, index) => values[index] === best)
}

/** GW-16: the routes of the port that is asked for. */
function attachedTo(port: number, all: readonly Route[]): Route[] {
  return all.filter(({ ports }) => ports.some(named => named === undefined || named === port))
}

function candidatesOf(all: readonly Route[], ask: Asked): Candidate[] {
  return attachedTo(ask.port, all).flatMap(route =>
    route.rules.flatMap((matches, rule) =>
      matches.flatMap((match, place): Candidate[] => (holds(match, ask) ? [{ route, rule, match, place }] : [])),
    ),
  )
}

/** GW-1 and GW-15. */
function expectedOf(all: readonly Route[], ask: Asked): string {
  if (attachedTo(ask.port, all).length === 0) return 'pass-through'
  let left = candidatesOf(all, ask)
  const characters = (value: string): number => (value.length > 1 ? value.replace(/\/$/, '').length : value.length)
  left = least(left, ({ match }) => (match.path.type === 'Exact' ? 0 : 1))
  // The standard leaves the place of regular expressions to the implementation: ours stand before prefixes.
  left = least(left, ({ match }) => (match.path.type === 'RegularExpression' ? 0 : 1))
  left = least(left, ({ match }) =>
    match.path.type === 'PathPrefix' ? -characters(match.path.value) : -match.path.value.length,
  )
  left = least(left, ({ match }) => (match.method === undefined ? 1 : 0))
  left = least(left, ({ match }) => -firstOfEach(match.headers ?? [], name => name.toLowerCase()).length)
  left = least(left, ({ match }) => -firstOfEach(match.queryParams ?? [], name => name).length)
  left = least(left, ({ route }) => route.created ?? '9')
  left = least(left, ({ route }) => route.name)
  left = least(left, ({ rule }) => rule)
  const [found] = least(left, ({ place }) => place)
  return found === undefined ? 'no-match' : `shop/${found.route.name} #${found.rule}`
}

/** What the mesh makes of the same resources. */
function actualOf(all: readonly Route[], ask: Asked): string {
  const backendRefs = [{ name: 'reviews', port: 80 }]
  const documents: unknown[] = [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'reviews', namespace: 'shop' },
      spec: { ports: [...PORTS, OTHER_PORT].map(port => ({ port, name: `p${port}` })) },
    },
    ...all.map(({ name, created, ports, rules }) => ({
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'HTTPRoute',
      metadata: { name, namespace: 'shop', ...(created === undefined ? {} : { creationTimestamp: created }) },
      spec: {
        parentRefs: ports.map(port => ({
          group: '',
          kind: 'Service',
          name: 'reviews',
          ...(port === undefined ? {} : { port }),
        })),
        rules: rules.map(matches => ({ matches, backendRefs })),
      },
    })),
  ]
  const parsed = parseResources(documents.map(document => JSON.stringify(document)).join('\n---\n'))
  if (!parsed.ok) throw new Error(parsed.error.map(formatProblem).join('\n'))
  const compiled = compileService(worldOf(parsed.value), 'shop', serviceKey('shop', 'reviews'))
  if (compiled === undefined) throw new Error('The Service is there')
  const prepared = prepareRoutes(compiled)
  if (!prepared.ok) throw new Error(prepared.error.message)

  const found = matchRoute(prepared.value, ask.port, {
    method: ask.method,
    path: ask.path,
    query: new URLSearchParams(ask.query.map(([name, value]) => [name, value])).toString(),
    header: name => ask.headers[name],
  })
  return found.kind === 'rule' ? `${found.rule.rule.route} ${found.rule.rule.name}` : found.kind
}

describe('[GW-1] [GW-3] [GW-5] [GW-15] [GW-16] routes as they are written', () => {
  test('lead each request where a plain reading of Gateway API leads it', () => {
    fc.assert(
      fc.property(routes, fc.array(asked, { minLength: 1, maxLength: 4 }), (all, asks) => {
        for (const ask of asks) expect(actualOf(all, ask)).toBe(expectedOf(all, ask))
      }),
      { numRuns: 400 },
    )
  })

  test('lead it there in whatever order they came', () => {
    const shuffled = routes.chain(all =>
      fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length })),
    )
    fc.assert(
      fc.property(shuffled, asked, ([all, other], ask) => {
        expect(actualOf(other, ask)).toBe(actualOf(all, ask))
      }),
      { numRuns: 100 },
    )
  })

  test('are tried hard: of what is asked here, much is contested, and nothing is rare', () => {
    const sampled = fc.sample(fc.tuple(routes, asked), { numRuns: 1_000, seed: 1 })
    const kinds = sampled.map(([all, ask]) => expectedOf(all, ask))
    expect(sampled.filter(([all, ask]) => candidatesOf(all, ask).length > 1).length).toBeGreaterThan(100)
    expect(kinds.filter(kind => kind === 'no-match').length).toBeGreaterThan(100)
    expect(kinds.filter(kind => kind === 'pass-through').length).toBeGreaterThan(50)
  })
})
