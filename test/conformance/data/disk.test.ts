import { readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { ok, type ServiceKey, serviceKey, systemClock, systemRandom, workloadKey } from '../../../common/mod.ts'
import type { SnapshotUpdate } from '../../../model/snapshot/mod.ts'
import { type StreamSource, streamSource } from '../../../sidecar/discovery/mod.ts'
import { localIdentity } from '../../../sidecar/identity/mod.ts'
import { type Disk, failingDisk, mayMount, memoryDisk } from './disks.ts'
import { APPLY, DELETE, type PlaneProcess, refusalOf, SERVICES, service, startPlane } from './kit.ts'

const reviews = serviceKey('shop', 'reviews')

describe.runIf(mayMount)('[DATA-2] a disk that takes no writes', () => {
  const closing: (() => void | Promise<void>)[] = []
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close()
  })

  async function planeOn(disk: Disk): Promise<PlaneProcess> {
    closing.push(disk.remove)
    const plane = await startPlane(join(disk.path, 'data'))
    closing.push(() => plane.program.end())
    await apply(plane, 'reviews', 1)
    return plane
  }

  async function apply(plane: PlaneProcess, name: string, value: number): Promise<number> {
    const { code, json } = await plane.call('POST', APPLY, { resources: [service(name, value)] })
    expect(code, json.message).toBe(200)
    return Number(json.revision)
  }

  /** A sidecar's stream, with all that it has been told. */
  function sidecar(
    plane: PlaneProcess,
    dataDir: string,
    name: string,
  ): { source: StreamSource; known(): ServiceKey[] } {
    const caDir = join(dataDir, 'ca')
    const identity = localIdentity({ caDir, namespace: 'shop', serviceAccount: name, clock: systemClock })
    if (!identity.ok) throw new Error(identity.error)
    const updates: SnapshotUpdate[] = []
    const source = streamSource({
      ...{ discoveryAddress: String(plane.addresses.discovery), identity: identity.value, programVersion: 'test' },
      ...{ workload: workloadKey('shop', `${name}-0`), clock: systemClock, random: systemRandom, log: () => {} },
      registration: {
        ...{ address: '127.0.0.1', inboundPort: 15_006, labels: { app: name }, serviceAccount: name, zone: '' },
        ...{ ready: true, ports: [{ name: 'http', port: 80, protocol: 'http' }] },
      },
    })
    closing.push(() => {
      source.close()
      identity.value.close()
    })
    source.start({
      apply: update => {
        updates.push(update)
        return ok(undefined)
      },
    })
    return { source, known: () => updates.flatMap(({ services }) => services.map(({ key }) => key)) }
  }

  /** Each kind of write is refused with a 5xx that says why; what can be read is as it was. */
  async function refusesWrites(plane: PlaneProcess, reason: RegExp): Promise<void> {
    const writes = [
      plane.call('POST', APPLY, { resources: [service('reviews', 2), service('more', 2)] }),
      plane.call('POST', SERVICES, service('more', 2)),
      plane.call('PUT', `${SERVICES}/reviews`, service('reviews', 2)),
      plane.call('DELETE', `${SERVICES}/reviews`),
      plane.call('POST', DELETE, { resources: [{ kind: 'Service', namespace: 'shop', name: 'reviews' }] }),
      plane.call('POST', '/apis/selvedge.dev/v1/tokens', { serviceAccount: 'shop/reviews' }),
    ]
    for (const { code, json } of await Promise.all(writes)) {
      expect({ code, message: json.message }).toEqual({ code: 503, message: expect.stringMatching(reason) })
    }
    const { code, json } = await plane.call('GET', SERVICES)
    expect(code).toBe(200)
    expect(json.items?.map(({ metadata }) => metadata?.labels)).toEqual([{ app: 'reviews', value: '1' }])
    const read = await plane.call('GET', `${SERVICES}/reviews`)
    expect(read.json.metadata?.resourceVersion).toBe(json.items?.[0]?.metadata?.resourceVersion)
    const metrics = await fetch(`http://${plane.addresses.metrics}/metrics`)
    expect(await metrics.text()).toContain('selvedge_control_store_revision')
  }

  it('because it is full: writes say so, reads and streams go on, and all is well when there is room again', async () => {
    const disk = memoryDisk(2 * 1024 ** 2)
    const plane = await planeOn(disk)
    const dataDir = join(disk.path, 'data')
    const storefront = sidecar(plane, dataDir, 'storefront')
    await expect.poll(() => storefront.source.status().state).toBe('open')
    const filler = join(disk.path, 'filler')
    fill(disk, filler)
    await refusesWrites(plane, /^Cannot write to the store: .*full.*Check the space/)
    // The stream still answers, and new ones are taken.
    storefront.source.want(reviews)
    await expect.poll(storefront.known).toContain(reviews)
    const late = sidecar(plane, dataDir, 'late')
    late.source.want(reviews)
    await expect.poll(late.known).toContain(reviews)
    expect(storefront.source.status().state).toBe('open')

    rmSync(filler)
    await expect.poll(async () => (await plane.call('POST', APPLY, { resources: [service('room', 3)] })).code).toBe(200)
    const room = serviceKey('shop', 'room')
    storefront.source.want(room)
    await expect.poll(storefront.known).toContain(room)
    const revision = await apply(plane, 'reviews', 4)
    await plane.kill()
    const again = await startPlane(dataDir)
    closing.push(() => again.program.end())
    const { json } = await again.call('GET', `${SERVICES}/reviews`)
    expect(json.metadata).toMatchObject({ labels: { value: '4' }, resourceVersion: String(revision) })
  })

  it('is named when a start finds it full or read-only, and nothing is lost by the try', async () => {
    const full = memoryDisk(2 * 1024 ** 2)
    const plane = await planeOn(full)
    await plane.kill()
    const filler = join(full.path, 'filler')
    fill(full, filler)
    expect(await refusalOf(join(full.path, 'data'))).toMatch(/^Cannot .*(disk|space).*Check the/s)
    rmSync(filler)
    const again = await startPlane(join(full.path, 'data'))
    closing.push(() => again.program.end())
    expect((await again.call('GET', `${SERVICES}/reviews`)).code).toBe(200)

    const failing = failingDisk()
    const other = await planeOn(failing)
    await other.kill()
    failing.fail()
    expect(await refusalOf(join(failing.path, 'data'))).toMatch(/^Cannot .*(read-only|readonly).*Check the/s)
  })

  it('because it has turned read-only: writes say so, and reads and streams go on', async () => {
    const disk = failingDisk()
    const plane = await planeOn(disk)
    const dataDir = join(disk.path, 'data')
    const storefront = sidecar(plane, dataDir, 'storefront')
    await expect.poll(() => storefront.source.status().state).toBe('open')
    disk.fail()
    await refusesWrites(plane, /^Cannot write to the store: .*Check the space and the permissions/)
    storefront.source.want(reviews)
    await expect.poll(storefront.known).toContain(reviews)
    expect(readFileSync(join(dataDir, 'admin.token'), 'utf8')).not.toBe('')
  })
})

/** Leaves no block. */
function fill(disk: Disk, path: string): void {
  for (let blocks = 1; blocks > 0; ) {
    const { bavail, bsize } = statfsSync(disk.path)
    blocks = bavail
    try {
      writeFileSync(path, Buffer.alloc(bavail * bsize), { flag: 'a' })
    } catch {
      // It has become smaller meanwhile: once more with what is left.
    }
  }
}
