import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type RedirectFilter, type RedirectRequest, redirectLocation, rewriteTarget } from './mod.ts'
import { port } from './routes.fixture.ts'

describe('rewriting a path [GW-8]', () => {
  // The table of `HTTPPathModifier` in Gateway API, row by row.
  test.each([
    ['/foo/bar', '/foo', '/xyz', '/xyz/bar'],
    ['/foo/bar', '/foo', '/xyz/', '/xyz/bar'],
    ['/foo/bar', '/foo/', '/xyz', '/xyz/bar'],
    ['/foo/bar', '/foo/', '/xyz/', '/xyz/bar'],
    ['/foo', '/foo', '/xyz', '/xyz'],
    ['/foo/', '/foo', '/xyz', '/xyz/'],
    ['/foo/bar', '/foo', '', '/bar'],
    ['/foo/', '/foo', '', '/'],
    ['/foo', '/foo', '', '/'],
    ['/foo/', '/foo', '/', '/'],
    ['/foo', '/foo', '/', '/'],
  ])('%s with the prefix %s replaced by "%s" is %s', (path, from, value, expected) => {
    expect(rewriteTarget({ kind: 'prefix', from, value }, path, '')).toBe(expected)
    expect(rewriteTarget({ kind: 'prefix', from, value }, path, 'a=1')).toBe(`${expected}?a=1`)
  })

  test.each([
    ['/', '/xyz', '/', '/xyz/'],
    ['/', '/xyz', '/foo', '/xyz/foo'],
    ['/', '/', '/foo', '/foo'],
    ['/foo', 'xyz', '/foo/bar', '/xyz/bar'],
    ['/foo', '/xyz', '/other', '/other'],
  ])('beyond the table: prefix %s replaced by "%s" makes %s into %s', (from, value, path, expected) => {
    expect(rewriteTarget({ kind: 'prefix', from, value }, path, '')).toBe(expected)
  })

  test.each([
    ['/new', '/new'],
    ['/new/', '/new/'],
    ['', '/'],
    ['new', '/new'],
  ])('the full path "%s" makes %s and keeps the query', (value, expected) => {
    expect(rewriteTarget({ kind: 'full', value }, '/old/path', '')).toBe(expected)
    expect(rewriteTarget({ kind: 'full', value }, '/old/path', 'q=%2F')).toBe(`${expected}?q=%2F`)
  })

  test('what follows the prefix is kept as it came', () => {
    const change = { kind: 'prefix', from: '/foo', value: '/xyz' } as const
    expect(rewriteTarget(change, '/foo/%2e%2e//b;c=1/', '')).toBe('/xyz/%2e%2e//b;c=1/')
  })

  test('a target always begins with a slash', () => {
    const text = fc.stringMatching(/^[a/]{0,4}$/)
    fc.assert(
      fc.property(text, text, text, (from, value, rest) => {
        expect(rewriteTarget({ kind: 'prefix', from, value }, `/${rest}`, '')[0]).toBe('/')
        expect(rewriteTarget({ kind: 'full', value }, `/${rest}`, '')[0]).toBe('/')
      }),
    )
  })
})

describe('redirecting', () => {
  const plain: RedirectFilter = {
    kind: 'redirect',
    scheme: undefined,
    hostname: undefined,
    port: undefined,
    path: undefined,
    status: 302,
  }
  const asked: RedirectRequest = { scheme: 'http', authority: 'reviews:8080', path: '/foo/bar', query: 'a=1' }

  test.each<[string, Partial<RedirectFilter>, Partial<RedirectRequest>, string]>([
    ['everything is taken over', {}, {}, 'http://reviews:8080/foo/bar?a=1'],
    ['no query, no question mark', {}, { query: '' }, 'http://reviews:8080/foo/bar'],
    ['another host keeps the port', { hostname: 'other.example' }, {}, 'http://other.example:8080/foo/bar?a=1'],
    ['another scheme brings its own port', { scheme: 'https' }, {}, 'https://reviews/foo/bar?a=1'],
    ['the same scheme, named, brings its own port', { scheme: 'http' }, {}, 'http://reviews/foo/bar?a=1'],
    ['the filter names the port', { port: port(9000) }, {}, 'http://reviews:9000/foo/bar?a=1'],
    ['http on 80 is not written', { port: port(80) }, {}, 'http://reviews/foo/bar?a=1'],
    ['https on 443 is not written', { scheme: 'https', port: port(443) }, {}, 'https://reviews/foo/bar?a=1'],
    ['https on 80 is written', { scheme: 'https', port: port(80) }, {}, 'https://reviews:80/foo/bar?a=1'],
    ["the request's own 443 is not written", {}, { scheme: 'https', authority: 'a:443' }, 'https://a/foo/bar?a=1'],
    ['no port in the authority', {}, { authority: 'reviews' }, 'http://reviews/foo/bar?a=1'],
    ['an IPv6 address', {}, { authority: '[::1]' }, 'http://[::1]/foo/bar?a=1'],
    ['an IPv6 address with a port', {}, { authority: '[::1]:81' }, 'http://[::1]:81/foo/bar?a=1'],
    ['a full path', { path: { kind: 'full', value: '/new' } }, {}, 'http://reviews:8080/new?a=1'],
    ['a prefix', { path: { kind: 'prefix', from: '/foo', value: '' } }, {}, 'http://reviews:8080/bar?a=1'],
  ])('%s', (_, filter, request, expected) => {
    expect(redirectLocation({ ...plain, ...filter }, { ...asked, ...request })).toBe(expected)
  })
})
