import { expect, test } from 'vitest'
import { KINDS, kindInfo, validateResource } from './mod.ts'

test.each(KINDS.map(info => [info.kind, info] as const))(
  '%s describes itself with an example that is valid',
  (kind, info) => {
    const { description, examples } = info.schema.meta() ?? {}
    expect(description).toMatch(/\.$/)
    expect(examples).toHaveLength(1)
    expect(validateResource((examples as unknown[])[0])).toMatchObject({ ok: true, value: { kind } })
  },
)

test.each([
  ['Service', '', 'v1'],
  ['HTTPRoute', 'gateway.networking.k8s.io', 'v1'],
  ['Process', 'selvedge.dev', 'v1'],
])('%s is of group %j, version %s', (kind, group, version) => {
  expect(kindInfo(kind)).toMatchObject({ kind, group, version })
})

test('kinds and plurals are told apart by one name each', () => {
  expect(new Set(KINDS.map(({ plural }) => plural)).size).toBe(KINDS.length)
  expect(kindInfo('service')).toBeUndefined()
})
