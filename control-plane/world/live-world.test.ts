import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock, workloadKey } from '../../common/mod.ts'
import { validateResource, type WorkloadResource } from '../../model/resources/mod.ts'
import type { ResourceRef, Store, StoreChange } from '../store/mod.ts'
import { openSqliteStore } from '../store/sqlite/mod.ts'
import { type LiveWorld, openWorld } from './mod.ts'

const key = workloadKey('default', 'w')
const ref = (kind: string, name: string): ResourceRef => ({ kind, namespace: 'default', name })

function workload(address: string): WorkloadResource {
  const parsed = validateResource(content('Workload', 'w', { address }))
  if (!parsed.ok || parsed.value.kind !== 'Workload') throw new Error('not a Workload')
  return parsed.value
}
function content(kind: string, name: string, spec: object): Record<string, unknown> {
  const apiVersion = kind === 'Service' ? 'v1' : 'selvedge.dev/v1'
  return { apiVersion, kind, metadata: { name, namespace: 'default', labels: {} }, spec }
}
const put = (kind: string, name: string, spec: object): StoreChange => ({
  kind: 'put',
  ref: ref(kind, name),
  content: content(kind, name, spec),
  expectedResourceVersion: undefined,
})
const remove = (kind: string, name: string): StoreChange => ({
  kind: 'delete',
  ref: ref(kind, name),
  expectedResourceVersion: undefined,
})

describe('the live world', () => {
  let dataDir: string
  let store: Store
  let world: LiveWorld
  const reload = async () => {
    const opened = await openWorld(store)
    if (!opened.ok) throw new Error(opened.error)
    world = opened.value
  }
  const commit = async (...changes: StoreChange[]) => {
    const result = await store.commit(changes, 'test')
    if (!result.ok) throw new Error(JSON.stringify(result.error))
    return result.value.revision
  }
  const address = () => world.state().world.workloads.get(key)?.spec.address

  beforeEach(async () => {
    dataDir = mkdtempSync(join(tmpdir(), 'selvedge-world-'))
    const opened = await openSqliteStore({ dataDir, clock: systemClock })
    if (!opened.ok) throw new Error(opened.error)
    store = opened.value
    await reload()
  })
  afterEach(async () => {
    await store.close()
    rmSync(dataDir, { recursive: true })
  })

  it('shows a commit before the commit answers, in one state with its revision', async () => {
    const heard: [number, number][] = []
    world.onChange(state => heard.push([state.revision, state.world.services.size]))
    const revision = await commit(
      put('Service', 'a', { ports: [{ port: 80 }] }),
      put('Service', 'b', { ports: [{ port: 80 }] }),
    )
    expect(revision).toBe(1)
    expect(heard).toEqual([[1, 2]])
    await commit(remove('Service', 'a'))
    expect(heard.at(-1)).toEqual([2, 1])
  })

  it('knows when a resource was made, since the older of two routes wins', async () => {
    await commit(put('Service', 'a', { ports: [{ port: 80 }] }))
    const [service] = world.state().world.services.values()
    expect(Date.parse(service?.metadata.creationTimestamp ?? '')).toBeGreaterThan(0)
  })

  it('is the same after it is loaded again', async () => {
    await commit(put('Service', 'a', { ports: [{ port: 80 }] }))
    const before = world.state()
    world.close()
    await reload()
    expect(world.state()).toEqual(before)
  })

  it('never shows an older revision, nor tells of a change that is none', () => {
    const heard: number[] = []
    world.onChange(state => heard.push(state.revision))
    world.applyLeases([{ kind: 'put', workload: workload('10.0.0.7') }], 5)
    world.applyLeases([{ kind: 'put', workload: workload('10.0.0.8') }], 3)
    world.applyLeases([{ kind: 'put', workload: workload('10.0.0.9') }], undefined)
    world.applyLeases([], 5)
    expect(heard).toEqual([5, 5, 5])
    expect(address()).toBe('10.0.0.9')
  })

  it('hides a lease behind the Workload that a user wrote, and shows it again when that is deleted', async () => {
    world.applyLeases([{ kind: 'put', workload: workload('10.0.0.7') }], 1)
    await commit(put('Workload', 'w', { address: '10.9.9.9' }))
    expect(world.isWritten(key)).toBe(true)
    expect(address()).toBe('10.9.9.9')
    world.applyLeases([{ kind: 'put', workload: workload('10.0.0.8') }], 3)
    expect(address()).toBe('10.9.9.9')
    await commit(remove('Workload', 'w'))
    expect(world.isWritten(key)).toBe(false)
    expect(address()).toBe('10.0.0.8')
    world.applyLeases([{ kind: 'remove', workload: key }], 9)
    expect(address()).toBeUndefined()
  })

  it('refuses to load what it cannot read, rather than leave it out', async () => {
    world.close()
    await commit(put('Service', 'a', {}))
    const opened = await openWorld(store)
    expect(opened).toMatchObject({
      ok: false,
      error: expect.stringContaining('Service default/a: spec.ports is missing'),
    })
  })
})
