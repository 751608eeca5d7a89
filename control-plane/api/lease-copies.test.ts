import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { systemClock, workloadKey } from '../../common/mod.ts'
import { validateResource, type WorkloadResource } from '../../model/resources/mod.ts'
import type { Store } from '../store/mod.ts'
import { openSqliteStore } from '../store/sqlite/mod.ts'
import { type LiveWorld, openWorld } from '../world/mod.ts'
import { leasesApart } from './lease-copies.ts'

let dataDir: string
let store: Store
let world: LiveWorld

beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'selvedge-lease-copies-'))
  const opened = await openSqliteStore({ dataDir, clock: systemClock })
  if (!opened.ok) throw new Error(opened.error)
  store = opened.value
  const seen = await openWorld(store)
  if (!seen.ok) throw new Error(seen.error)
  world = seen.value
  world.applyLeases([{ kind: 'put', workload: workload('10.0.0.1', true) }], undefined)
})

afterEach(async () => {
  world.close()
  await store.close()
  rmSync(dataDir, { recursive: true })
})

function workload(address: string, isLease: boolean): WorkloadResource {
  const parsed = validateResource({
    apiVersion: 'selvedge.dev/v1',
    kind: 'Workload',
    metadata: { name: 'w', namespace: 'shop' },
    spec: { address, ports: [{ port: 80 }] },
    ...(isLease ? { status: { ready: true } } : {}),
  })
  if (!parsed.ok || parsed.value.kind !== 'Workload') throw new Error('not a Workload')
  return parsed.value
}

const apart = (resource: WorkloadResource) => leasesApart({ store, world }, [resource])

describe('an apply of what was read', () => {
  test('leaves a lease to its sidecar', async () => {
    const unchanged = [{ kind: 'Workload', namespace: 'shop', name: 'w' }]
    expect(await apart(workload('10.0.0.1', true))).toEqual({ ok: true, value: { toWrite: [], unchanged } })
  })

  test('refuses a changed copy of a lease, and one of a lease that has ended', async () => {
    const refusal = {
      ok: false,
      error: { code: 422, message: expect.stringMatching(/^Cannot apply .*shop\/w: status/) },
    }
    expect(await apart(workload('10.0.0.2', true))).toMatchObject(refusal)
    world.applyLeases([{ kind: 'remove', workload: workloadKey('shop', 'w') }], undefined)
    expect(await apart(workload('10.0.0.1', true))).toMatchObject(refusal)
  })

  test('writes a Workload that a person wrote, also over a lease', async () => {
    const resource = workload('10.0.0.2', false)
    expect(await apart(resource)).toEqual({ ok: true, value: { toWrite: [resource], unchanged: [] } })
  })
})
