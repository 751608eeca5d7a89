import { cpSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { APPLY, type PlaneProcess, refusalOf, type Scratch, SERVICES, scratch, service, startPlane } from './kit.ts'

describe('[DATA-4] a data folder restored from an older copy', () => {
  let folder: Scratch
  let live: string
  let copy: string
  const planes: PlaneProcess[] = []
  beforeEach(() => {
    folder = scratch()
    live = join(folder.path, 'live')
    copy = join(folder.path, 'copy')
  })
  afterEach(async () => {
    for (const plane of planes.splice(0)) await plane.program.end()
    folder.remove()
  })

  async function start(): Promise<PlaneProcess> {
    const plane = await startPlane(live)
    planes.push(plane)
    return plane
  }

  async function apply(plane: PlaneProcess, value: number): Promise<number> {
    const { code, json } = await plane.call('POST', APPLY, { resources: [service('reviews', value)] })
    expect(code, json.message).toBe(200)
    return Number(json.revision)
  }

  /** A mesh whose copy was taken after the first write, and which went on to the third, through another start. */
  async function written(): Promise<{ readonly lost: readonly number[] }> {
    const first = await start()
    await apply(first, 1)
    await first.kill()
    cpSync(live, copy, { recursive: true })
    const second = await start()
    const lost = [await apply(second, 2), await apply(second, 3)]
    await second.kill()
    return { lost }
  }

  it('gives out no revision a second time, and takes none of the lost ones for its own', async () => {
    const { lost } = await written()
    rmSync(live, { recursive: true })
    cpSync(copy, live, { recursive: true })
    const plane = await start()
    const { json } = await plane.call('GET', SERVICES)
    expect(json.items?.[0]?.metadata).toMatchObject({ labels: { value: '1' } })
    expect(Number(json.metadata?.resourceVersion)).toBeGreaterThan(Math.max(...lost))
    // Who read what is lost can't write over what is there now.
    for (const resourceVersion of lost) {
      const stale = service('reviews', 9)
      const body = { ...stale, metadata: { ...stale.metadata, resourceVersion: String(resourceVersion) } }
      expect((await plane.call('PUT', `${SERVICES}/reviews`, body)).code).toBe(409)
      // Nor watch from there as if nothing had happened.
      const watching = await plane.call('GET', `${SERVICES}?watch=true&resourceVersion=${resourceVersion}`)
      expect(watching.json).toMatchObject({ type: 'ERROR', object: { code: 410 } })
    }
    expect(await apply(plane, 4)).toBeGreaterThan(Math.max(...lost))
  })

  it('is not begun by mistake: a database that is older than what was acknowledged is refused, and says how to go on', async () => {
    await written()
    for (const name of ['selvedge.db', 'selvedge.db-wal']) {
      rmSync(join(live, name), { force: true })
      cpSync(join(copy, name), join(live, name))
    }
    const refusal = await refusalOf(live)
    expect(refusal).toMatch(/selvedge\.db has revision 1 \(.*, but revision [0-9]+ .* was acknowledged/)
    expect(refusal).toMatch(
      /to go on with revision 1 and without what is lost, delete .*selvedge\.mark and start again/,
    )
    rmSync(join(live, 'selvedge.mark'))
    const { json } = await (await start()).call('GET', SERVICES)
    expect(json.items?.[0]?.metadata).toMatchObject({ labels: { value: '1' } })
  })
})
