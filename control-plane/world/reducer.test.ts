import { describe, expect, it } from 'vitest'
import { workloadKey } from '../../common/mod.ts'
import { worldOf } from '../../model/compile/mod.ts'
import { type Resource, validateResource } from '../../model/resources/mod.ts'
import { reduceWorld } from './mod.ts'

function resource(value: object): Resource {
  const parsed = validateResource(value)
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error))
  return parsed.value
}
const service = (name: string) =>
  resource({ apiVersion: 'v1', kind: 'Service', metadata: { name }, spec: { ports: [{ port: 80 }] } })
const workload = (name: string) =>
  resource({ apiVersion: 'selvedge.dev/v1', kind: 'Workload', metadata: { name }, spec: { address: '10.0.0.7' } })

describe('the world after a change', () => {
  const world = worldOf([service('a'), workload('w')])

  it('holds what was put, and leaves the world before as it was', () => {
    const next = reduceWorld(world, [{ kind: 'put', resource: service('b') }])
    expect([...next.services.keys()]).toEqual(['default/a', 'default/b'])
    expect([...world.services.keys()]).toEqual(['default/a'])
  })

  it('shares the maps that no change touches', () => {
    const next = reduceWorld(world, [{ kind: 'put', resource: service('b') }])
    expect(next.services).not.toBe(world.services)
    expect(next.workloads).toBe(world.workloads)
    expect(next.httpRoutes).toBe(world.httpRoutes)
    const same = reduceWorld(world, [{ kind: 'remove', of: 'Service', namespace: 'default', name: 'nothing' }])
    expect(same.services).toBe(world.services)
  })

  it('applies changes in their order', () => {
    const next = reduceWorld(world, [
      { kind: 'remove', of: 'Workload', namespace: 'default', name: 'w' },
      { kind: 'put', resource: workload('w') },
      { kind: 'remove', of: 'Service', namespace: 'default', name: 'a' },
    ])
    expect(next.workloads.has(workloadKey('default', 'w'))).toBe(true)
    expect(next.services.size).toBe(0)
  })

  it('does not look at a Process', () => {
    const process = resource({
      apiVersion: 'selvedge.dev/v1',
      kind: 'Process',
      metadata: { name: 'p' },
      spec: { command: ['true'] },
    })
    const next = reduceWorld(world, [
      { kind: 'put', resource: process },
      { kind: 'remove', of: 'Process', namespace: 'default', name: 'p' },
    ])
    expect(next).toEqual(world)
  })
})
