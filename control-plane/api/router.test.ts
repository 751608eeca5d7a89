import { describe, expect, it } from 'vitest'
import { ok } from '../../common/mod.ts'
import { findRoute, type Route } from './router.ts'

const route = (method: Route['method'], path: string): Route => ({
  method,
  path,
  answer: async () => ok({ code: 200, value: { path } }),
})
const routes = [
  route('GET', '/api/v1/services'),
  route('GET', '/api/v1/namespaces/:namespace/services/:name'),
  route('PUT', '/api/v1/namespaces/:namespace/services/:name'),
]
const find = (method: string, path: string) => findRoute(routes, method, path)

describe('the router', () => {
  it('finds a path and what its parts stand for', () => {
    const found = find('PUT', '/api/v1/namespaces/shop/services/my%2Fcart')
    expect(found).toMatchObject({
      ok: true,
      value: { route: { method: 'PUT' }, params: { namespace: 'shop', name: 'my/cart' } },
    })
  })

  it('finds nothing in what is longer, shorter, empty in a part, or wrongly encoded', () => {
    for (const path of [
      '',
      '/',
      '/api/v1/services/',
      '/api/v1/Services',
      '/api/v1/namespaces//services/a',
      '/api/v1/namespaces/shop/services',
      '/api/v1/namespaces/shop/services/%ff',
    ]) {
      expect(find('GET', path), path).toMatchObject({ ok: false, error: { code: 404 } })
    }
  })

  it('tells the methods that a path has when it is called with another', () => {
    expect(find('PATCH', '/api/v1/namespaces/shop/services/cart')).toMatchObject({
      ok: false,
      error: { code: 405, allow: ['GET', 'PUT'] },
    })
  })

  it('does not repeat a path that nobody would read', () => {
    const lost = find('GET', `/${'x'.repeat(100_000)}`)
    expect(!lost.ok && lost.error.message.length).toBeLessThan(400)
  })
})
