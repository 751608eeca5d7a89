import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { systemClock, workloadKey } from '../../common/mod.ts'
import { type World, worldOf } from '../../model/compile/mod.ts'
import { parseResources, type Resource, type WorkloadResource } from '../../model/resources/mod.ts'
import { reduceWorld, type WorldChange, type WorldNews, type WorldState, type WorldView } from '../world/mod.ts'
import { type Census, censusOf, type GuardedWorld, guardWorld, lostKinds } from './mod.ts'

/** A world that tests change. */
class FakeWorld implements WorldView {
  #state: WorldState
  readonly #listeners = new Set<Parameters<WorldView['onChange']>[0]>()

  constructor(world: World = worldOf([])) {
    this.#state = { world, revision: 1 }
  }
  state(): WorldState {
    return this.#state
  }
  onChange(listener: Parameters<WorldView['onChange']>[0]): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
  change(origin: WorldNews['origin'], ...changes: WorldChange[]): void {
    this.#state = { world: reduceWorld(this.#state.world, changes), revision: this.#state.revision + 1 }
    for (const listener of this.#listeners) listener(this.#state, { origin, changes })
  }
}

function parsed(text: string): readonly Resource[] {
  const resources = parseResources(text)
  if (!resources.ok) throw new Error(JSON.stringify(resources.error))
  return resources.value
}
function workload(name: string, ready = true): WorkloadResource {
  const text = `{apiVersion: selvedge.dev/v1, kind: Workload, metadata: {namespace: ns, name: ${name}}, spec: {address: 10.0.0.1}}`
  return { ...(parsed(text)[0] as WorkloadResource), status: { ready } }
}
const service = (name: string): Resource =>
  parsed(`{apiVersion: v1, kind: Service, metadata: {namespace: ns, name: ${name}}, spec: {ports: [{port: 80}]}}`)[0]!
const put = (resource: Resource): WorldChange => ({ kind: 'put', resource })
const gone = (name: string, of: 'Workload' | 'Service' = 'Workload'): WorldChange => ({
  kind: 'remove',
  of,
  namespace: 'ns',
  name,
})
const names = Array.from({ length: 20 }, (_, i) => `w-${i}`)

describe('[DISC-5] the guard', () => {
  const said = { errors: [] as string[], infos: [] as string[] }
  const noted: Census[] = []
  let guard: GuardedWorld

  beforeEach(() => {
    vi.useFakeTimers()
    said.errors.length = said.infos.length = noted.length = 0
  })
  afterEach(() => {
    guard.close()
    vi.useRealTimers()
  })

  function guarding(world: WorldView, before?: Census): GuardedWorld {
    const lost = before === undefined ? [] : lostKinds(before, censusOf(world.state().world, 1), [])
    const log = { error: (text: string) => said.errors.push(text), info: (text: string) => said.infos.push(text) }
    guard = guardWorld({ world, clock: systemClock, before, lost, note: census => noted.push(census), log })
    return guard
  }
  const shownWorkloads = () => guard.state().world.workloads.size

  describe('against a registry that loses its leases', () => {
    function served(): FakeWorld {
      const world = new FakeWorld()
      guarding(world)
      world.change('leases', ...names.map(name => put(workload(name))))
      return world
    }

    it('goes on showing the workloads, and raises an alarm that says what to do', () => {
      const world = served()
      world.change('leases', ...names.map(name => gone(name)))
      expect(world.state().world.workloads.size).toBe(0)
      expect(shownWorkloads()).toBe(20)
      expect(said.errors).toHaveLength(1)
      expect(said.errors[0]).toMatch(/^20 of 20 workloads .* "selvedge guard release"/)
      expect(guard.alarms()).toMatchObject([{ reason: 'registry', count: 20, message: said.errors[0] }])
      expect(guard.frozen()).toBe(false)
    })

    it('shows all other changes meanwhile', () => {
      const world = served()
      world.change('leases', ...names.map(name => gone(name)))
      world.change('commit', put(service('new')))
      expect(guard.state()).toMatchObject({ revision: world.state().revision })
      expect([...guard.state().world.services.keys()]).toEqual(['ns/new'])
      expect(shownWorkloads()).toBe(20)
    })

    it('ends the alarm when they are back', () => {
      const world = served()
      world.change('leases', ...names.map(name => gone(name)))
      world.change('leases', ...names.map(name => put(workload(name))))
      expect(guard.alarms()).toEqual([])
      expect(guard.state()).toBe(world.state())
    })

    it('lets those go that stay away when most others are back, and tells', () => {
      const world = served()
      world.change('leases', ...names.map(name => gone(name)))
      world.change('leases', ...names.slice(0, 15).map(name => put(workload(name))))
      expect(shownWorkloads()).toBe(20)
      const told = vi.fn()
      guard.onChange(told)
      vi.advanceTimersByTime(31_000)
      expect(told).toHaveBeenCalledOnce()
      expect(shownWorkloads()).toBe(15)
      expect(said.infos).toHaveLength(1)
    })

    it('shows the world as it is when it is told to', () => {
      const world = served()
      world.change('leases', ...names.map(name => gone(name)))
      expect(guard.release()).toBe(true)
      expect(shownWorkloads()).toBe(0)
      expect(guard.alarms()).toEqual([])
      expect(guard.release()).toBe(false)
    })

    it('does nothing where workloads say goodbye, or a person deletes them', () => {
      const world = served()
      world.change('leases', ...names.map(name => put(workload(name, false))))
      world.change('leases', ...names.map(name => gone(name)))
      expect(shownWorkloads()).toBe(0)
      const other = new FakeWorld(worldOf(names.map(name => workload(name))))
      guarding(other)
      other.change('commit', ...names.map(name => gone(name)))
      expect(guard.state().world.workloads.has(workloadKey('ns', 'w-0'))).toBe(false)
      expect(said.errors).toEqual([])
    })
  })

  describe('against a store that reads back with less than it had', () => {
    const before: Census = { revision: 7, counts: { Service: 2, HTTPRoute: 3 } }

    it('freezes all pushes, and raises an alarm', () => {
      guarding(new FakeWorld(worldOf([service('a'), service('b')])), before)
      expect(guard.frozen()).toBe(true)
      expect(said.errors).toEqual([
        expect.stringMatching(/lost every HTTPRoute \(3\).*nothing is pushed.*guard release/),
      ])
      expect(guard.alarms()).toMatchObject([{ reason: 'store', count: 1 }])
      expect(noted).toEqual([])
    })

    it('goes on when what was lost is there again', () => {
      const world = new FakeWorld(worldOf([]))
      guarding(world, { revision: 7, counts: { Service: 1 } })
      expect(guard.frozen()).toBe(true)
      world.change('commit', put(service('a')))
      expect(guard.frozen()).toBe(false)
      expect(guard.alarms()).toEqual([])
      expect(noted).toEqual([{ revision: 2, counts: { Service: 1 } }])
    })

    it('takes nothing for lost that somebody deletes while it is frozen', () => {
      const world = new FakeWorld(worldOf([service('a')]))
      guarding(world, { revision: 7, counts: { Service: 1, MeshPolicy: 1 } })
      world.change('commit', gone('a', 'Service'))
      expect(guard.alarms()).toMatchObject([{ count: 1, message: expect.not.stringMatching(/Service/) }])
      const text =
        '{apiVersion: selvedge.dev/v1, kind: MeshPolicy, metadata: {namespace: ns, name: default}, spec: {accessLog: true}}'
      for (const resource of parsed(text)) world.change('commit', put(resource))
      expect(guard.frozen()).toBe(false)
      expect(guard.alarms()).toEqual([])
    })

    it('goes on when it is told to, and tells that all may be pushed', () => {
      guarding(new FakeWorld(worldOf([service('a')])), before)
      const told = vi.fn()
      guard.onChange(told)
      expect(guard.release()).toBe(true)
      expect(guard.frozen()).toBe(false)
      expect(told).toHaveBeenCalledOnce()
      expect(noted).toEqual([{ revision: 1, counts: { Service: 1 } }])
    })

    it('lets a deliberate deletion pass without a word', () => {
      const world = new FakeWorld(worldOf([service('a')]))
      guarding(world, { revision: 7, counts: { Service: 1 } })
      world.change('commit', gone('a', 'Service'))
      expect(guard.frozen()).toBe(false)
      expect(said.errors).toEqual([])
      expect(noted.at(-1)?.counts).toEqual({})
    })
  })
})
