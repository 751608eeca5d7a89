import { expect, test } from 'vitest'
import { kindOf, pathOf } from './kinds.ts'

test.each(['Service', 'services', 'SVC'])('%s is a Service', word => {
  expect(kindOf(word).kind).toBe('Service')
})

test('an unknown kind names the nearest, as wrong usage', () => {
  expect(() => kindOf('htproute')).toThrow(
    expect.objectContaining({ exitStatus: 2, message: expect.stringContaining('httproute') }),
  )
})

test('paths are shaped like those of the Kubernetes API', () => {
  expect(pathOf(kindOf('svc'), 'bookshop', 'catalog')).toBe('/api/v1/namespaces/bookshop/services/catalog')
  expect(pathOf(kindOf('httproute'), undefined)).toBe('/apis/gateway.networking.k8s.io/v1/httproutes')
  expect(pathOf(kindOf('tp'), 'a/b')).toBe('/apis/selvedge.dev/v1/namespaces/a%2Fb/trafficpolicies')
})
