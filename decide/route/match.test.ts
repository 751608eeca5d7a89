import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { NamedMatch, PathMatch, RouteEntry } from '../../model/snapshot/mod.ts'
import { matchRoute, prepareRoutes } from './mod.ts'
import { entry, header, matched, path, port, prepared, query, request, service } from './routes.fixture.ts'

describe('attachment [GW-15] [GW-16]', () => {
  test('without routes every request passes through', () => {
    const routes = prepareRoutes(service({ kind: 'none-attached' }))
    if (!routes.ok) throw new Error(routes.error.message)
    expect(matchRoute(routes.value, 8080, request('/x'))).toEqual({ kind: 'pass-through' })
  })

  test('with routes attached, a request that none matches is refused', () => {
    expect(matched([path('exact', '/a')], request('/b'))).toBe('no-match')
  })

  test('attached routes without any entry refuse every request', () => {
    expect(matched([], request('/'))).toBe('no-match')
  })

  test('an entry without ports holds on all of them', () => {
    expect(matched([path('prefix', '/a')], request('/a'), 1234)).toBe('#0')
  })

  test('a port that no route is attached to passes through while another port is routed', () => {
    const onlyHttp = entry({ ports: [port(8080)], path: { kind: 'exact', value: '/a' } })
    expect(matched([onlyHttp], request('/a'), 8080)).toBe('#0')
    expect(matched([onlyHttp], request('/b'), 8080)).toBe('no-match')
    expect(matched([onlyHttp], request('/a'), 9090)).toBe('pass-through')
  })

  test('entries for all ports and for one port keep their common order', () => {
    const routes = [entry({ ports: [port(8080)] }), entry()]
    expect(matched(routes, request('/'), 8080)).toBe('#0')
    expect(matched(routes, request('/'), 9090)).toBe('#1')
  })
})

describe('paths [GW-3]', () => {
  test.each([
    ['/abc', '/abc', true],
    ['/abc', '/abc/', true],
    ['/abc', '/abc/def', true],
    ['/abc', '/abcd', false],
    ['/abc', '/ab', false],
    ['/abc', '/ABC', false],
    ['/abc', '/', false],
    ['/abc/', '/abc', true],
    ['/abc/', '/abc/def', true],
    ['/', '/', true],
    ['/', '/anything/at/all', true],
    ['/', '*', true],
    ['/a/b', '/a/b/c', true],
    ['/a/b', '/a/bc', false],
  ])('prefix %s, path %s: %s', (prefix, asked, expected) => {
    expect(matched([path('prefix', prefix)], request(asked))).toBe(expected ? '#0' : 'no-match')
  })

  test.each([
    ['/abc', '/abc', true],
    ['/abc', '/abc/', false],
    ['/abc', '/Abc', false],
    ['/', '/', true],
    ['/', '/a', false],
  ])('exact %s, path %s: %s', (exact, asked, expected) => {
    expect(matched([path('exact', exact)], request(asked))).toBe(expected ? '#0' : 'no-match')
  })

  test.each([
    ['/v[0-9]+', '/v1', true],
    ['/v[0-9]+', '/v1/x', false],
    ['/v[0-9]+', '/x/v1', false],
    ['a|b', 'bc', false],
    ['/a\\.b', '/a.b', true],
    ['/a\\.b', '/axb', false],
    ['/(?i)abc', '/ABC', true],
  ])('the regex %s must match the whole of %s: %s', (regex, asked, expected) => {
    expect(matched([path('regex', regex)], request(asked))).toBe(expected ? '#0' : 'no-match')
  })

  test('[AUTHZ-7] a byte above 0x7F matches no regex', () => {
    expect(matched([path('regex', '/.*')], request('/caf\u00e9'))).toBe('no-match')
    expect(matched([header('x', '.*', 'regex')], request('/', { headers: { x: '\u0080' } }))).toBe('no-match')
    expect(matched([query('q', '.*', 'regex')], request('/?q=%80'))).toBe('no-match')
  })

  test('[API-6] a catastrophic regex takes linear time', () => {
    expect(matched([path('regex', '/(a+)+b')], request(`/${'a'.repeat(10_000)}`))).toBe('no-match')
  })

  test('the query is no part of the path', () => {
    expect(matched([path('exact', '/a')], request('/a?b=/c'))).toBe('#0')
  })
})

describe('precedence', () => {
  test('the first entry wins, whether the map or the list found it', () => {
    expect(matched([path('prefix', '/'), path('exact', '/a')], request('/a'))).toBe('#0')
    expect(matched([path('exact', '/a'), path('prefix', '/')], request('/a'))).toBe('#0')
    expect(matched([path('regex', '/.'), path('exact', '/a'), path('prefix', '/a')], request('/a'))).toBe('#0')
  })

  test('an exact path whose other conditions fail gives way to the next entry', () => {
    const post = entry({ path: { kind: 'exact', value: '/a' }, method: 'POST' })
    const routes = [post, path('exact', '/a'), path('prefix', '/')]
    expect(matched(routes, request('/a', { method: 'POST' }))).toBe('#0')
    expect(matched(routes, request('/a'))).toBe('#1')
    expect(matched([post, path('prefix', '/')], request('/a'))).toBe('#1')
  })

  test('the answer is the same object for each request', () => {
    const routes = prepared([path('exact', '/a'), path('prefix', '/b')])
    for (const asked of ['/a', '/b', '/none'])
      expect(matchRoute(routes, 1, request(asked))).toBe(matchRoute(routes, 2, request(asked)))
  })
})

describe('methods and headers [GW-5]', () => {
  test('methods are case-sensitive', () => {
    const routes = [entry({ method: 'GET' })]
    expect(matched(routes, request('/'))).toBe('#0')
    expect(matched(routes, request('/', { method: 'get' }))).toBe('no-match')
  })

  test('header names match without case, values with it', () => {
    const routes = [header('X-Canary', 'Yes')]
    expect(matched(routes, request('/', { headers: { 'x-canary': 'Yes' } }))).toBe('#0')
    expect(matched(routes, request('/', { headers: { 'x-canary': 'yes' } }))).toBe('no-match')
    expect(matched(routes, request('/'))).toBe('no-match')
  })

  test('an empty value is matched by an empty value only', () => {
    expect(matched([header('x', '')], request('/', { headers: { x: '' } }))).toBe('#0')
    expect(matched([header('x', '')], request('/'))).toBe('no-match')
  })

  test('a value that was sent twice is matched as its list', () => {
    expect(matched([header('x', 'a')], request('/', { headers: { x: 'a, b' } }))).toBe('no-match')
    expect(matched([header('x', '(a|b)(, (a|b))*', 'regex')], request('/', { headers: { x: 'a, b' } }))).toBe('#0')
  })

  test('of duplicate names in one match only the first counts', () => {
    const headers: NamedMatch[] = [
      { name: 'x', kind: 'exact', value: '1' },
      { name: 'X', kind: 'exact', value: '2' },
    ]
    expect(matched([entry({ headers })], request('/', { headers: { x: '1' } }))).toBe('#0')
    expect(matched([entry({ query: headers })], request('/?x=1'))).toBe('no-match')
    expect(matched([entry({ query: headers })], request('/?x=1&X=2'))).toBe('#0')
  })

  test('all of the headers must match', () => {
    const headers: NamedMatch[] = [
      { name: 'x', kind: 'exact', value: '1' },
      { name: 'y', kind: 'exact', value: '2' },
    ]
    expect(matched([entry({ headers })], request('/', { headers: { x: '1' } }))).toBe('no-match')
    expect(matched([entry({ headers })], request('/', { headers: { x: '1', y: '2' } }))).toBe('#0')
  })
})

describe('against a plain reference', () => {
  const segment = fc.constantFrom('a', 'b', 'ab', 'v1', 'v12')
  const aPath = fc.array(segment, { maxLength: 3 }).map(parts => `/${parts.join('/')}`)
  const pathMatch: fc.Arbitrary<PathMatch> = fc.oneof(
    fc.record({ kind: fc.constantFrom('exact' as const, 'prefix' as const), value: aPath }),
    fc.record({ kind: fc.constant('regex' as const), value: fc.constantFrom('/v[0-9]+', '/a(/.*)?', '.*b') }),
  )
  const named: fc.Arbitrary<NamedMatch> = fc.record({
    name: fc.constantFrom('x', 'y'),
    kind: fc.constantFrom('exact' as const, 'regex' as const),
    value: fc.constantFrom('1', '2'),
  })
  const anEntry: fc.Arbitrary<RouteEntry> = fc.record({
    ports: fc.subarray([port(1), port(2)]),
    rule: fc.constant(0),
    path: pathMatch,
    method: fc.option(fc.constantFrom('GET', 'POST'), { nil: undefined }),
    headers: fc.uniqueArray(named, { maxLength: 2, selector: each => each.name }),
    query: fc.uniqueArray(named, { maxLength: 2, selector: each => each.name }),
  })
  const values = fc.dictionary(fc.constantFrom('x', 'y'), fc.constantFrom('1', '2'), { noNullPrototype: true })

  function pathHolds(match: PathMatch, asked: string): boolean {
    if (match.kind === 'regex') return new RegExp(`^(?:${match.value})$`).test(asked)
    if (match.kind === 'exact') return asked === match.value
    const wanted = match.value.split('/').filter(part => part !== '')
    const parts = asked.split('/').filter(part => part !== '')
    return wanted.every((part, index) => parts[index] === part)
  }

  function expectedOf(entries: readonly RouteEntry[], on: number, asked: Asked): string {
    const here = entries.filter(each => each.ports.length === 0 || each.ports.some(named => named === on))
    if (here.length === 0 && entries.length > 0) return 'pass-through'
    const found = here.find(
      each =>
        pathHolds(each.path, asked.path) &&
        (each.method === undefined || each.method === asked.method) &&
        each.headers.every(wanted => asked.headers[wanted.name] === wanted.value) &&
        each.query.every(wanted => asked.query[wanted.name] === wanted.value),
    )
    return found === undefined ? 'no-match' : `#${entries.indexOf(found)}`
  }

  interface Asked {
    path: string
    method: string
    headers: Record<string, string>
    query: Record<string, string>
  }

  test('any entries, any request: the first entry that holds is found', () => {
    const asked: fc.Arbitrary<Asked> = fc.record({
      path: aPath,
      method: fc.constantFrom('GET', 'POST'),
      headers: values,
      query: values,
    })
    fc.assert(
      fc.property(fc.array(anEntry, { maxLength: 12 }), fc.constantFrom(1, 2, 3), asked, (entries, on, ask) => {
        const text = `${ask.path}?${new URLSearchParams(ask.query)}`
        expect(matched(entries, request(text, ask), on)).toBe(expectedOf(entries, on, ask))
      }),
      { numRuns: 2_000 },
    )
  })
})
