import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { figures, times } from '../../loop/loop.ts'
import {
  APPLY,
  DELETE,
  type Json,
  type PlaneProcess,
  type Scratch,
  SERVICES,
  scratch,
  service,
  startPlane,
} from './kit.ts'

const WRITERS = 4
/** Each writer goes round these names, so that resources are made, changed and deleted under it. */
const NAMES = 25
/** A kill comes once a random number of writes, up to this one, was acknowledged, and a random moment later: in the middle of some. */
const WRITES_MAX = 20
const MOMENT_MS_MAX = 8

/** The number that a pair carries, and the revision that wrote it; `undefined` where the pair is not there. */
type Held = { readonly value: number; readonly revision: number } | undefined

interface Known {
  readonly acknowledged: Held
  /** What was begun and never answered: 0 for a deletion. It may be there, or not, but not by half. */
  readonly begun: number | 'nothing'
}

interface Counts {
  acknowledged: number
  unanswered: number
  unansweredButKept: number
}

describe('[DATA-1] what was acknowledged is there after kill -9', () => {
  let folder: Scratch
  let plane: PlaneProcess | undefined
  beforeEach(() => {
    folder = scratch()
  })
  afterEach(async () => {
    await plane?.program.end()
    folder.remove()
  })

  it('at random points of parallel writes, with its content and its version, and nothing is half', async context => {
    const kills = times(3, 200)
    const known = new Map<string, Known>()
    const count: Counts = { acknowledged: 0, unanswered: 0, unansweredButKept: 0 }
    let newestVersion = 0
    const flags = ['--lease-grace', '0s']
    plane = await startPlane(folder.path, ...flags)
    for (let round = 0; round < kills; round++) {
      const writers = Array.from({ length: WRITERS }, (_, i) => write(plane as PlaneProcess, `w${i}`, known, count))
      const enough = count.acknowledged + 1 + Math.random() * WRITES_MAX
      while (count.acknowledged < enough) await pause(1)
      await pause(Math.random() * MOMENT_MS_MAX)
      await plane.kill()
      await Promise.all(writers)
      plane = await startPlane(folder.path, ...flags)
      const { json } = await plane.call('GET', SERVICES)
      const held = new Map((json.items ?? []).map(item => [String(item.metadata?.name), item]))
      for (const [name, told] of known)
        known.set(name, { acknowledged: settle(name, told, held, count), begun: 'nothing' })
      for (const name of held.keys()) expect(known.has(name.replace(/-twin$/, ''))).toBe(true)
      const version = Number(json.metadata?.resourceVersion)
      expect(version).toBeGreaterThan(newestVersion)
      newestVersion = version
    }
    expect(count.acknowledged).toBeGreaterThanOrEqual(kills)
    expect(count.unanswered).toBe(kills * WRITERS)
    figures(context, { kills, ...count, lost: 0, half: 0 })
  })
})

function pause(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}

let lastValue = 0

/** Writes pairs until the control plane is gone, one after another; what became of the last one nobody knows. */
async function write(plane: PlaneProcess, writer: string, known: Map<string, Known>, count: Counts): Promise<void> {
  for (let i = 0; ; i++) {
    const name = `${writer}-${Math.floor(Math.random() * NAMES)}`
    const before = known.get(name)?.acknowledged
    const deletes = before !== undefined && i % 5 === 4
    lastValue++
    const value = deletes ? 0 : lastValue
    known.set(name, { acknowledged: before, begun: value })
    const pair = [name, `${name}-twin`]
    const answer = await plane
      .call('POST', ...(deletes ? deletion(pair) : application(pair, value)))
      // The connection broke: the control plane has been killed.
      .catch(() => undefined)
    if (answer === undefined) {
      count.unanswered++
      return
    }
    expect(answer.code, answer.json.message).toBe(200)
    const revision = Number(answer.json.revision)
    known.set(name, { acknowledged: deletes ? undefined : { value, revision }, begun: 'nothing' })
    count.acknowledged++
  }
}

function application(names: readonly string[], value: number): [string, Json] {
  return [APPLY, { resources: names.map(name => service(name, value)) }]
}

function deletion(names: readonly string[]): [string, Json] {
  return [DELETE, { resources: names.map(name => ({ apiVersion: 'v1', kind: 'Service', namespace: 'shop', name })) }]
}

/** Holds one pair against what was told of it: as acknowledged, or wholly as what was never answered. */
function settle(name: string, { acknowledged, begun }: Known, held: ReadonlyMap<string, Json>, count: Counts): Held {
  const [found, twin] = [held.get(name), held.get(`${name}-twin`)].map(heldIn)
  expect(twin, `${name} and its twin are written together`).toEqual(found)
  if (begun !== 'nothing' && (found?.value ?? 0) === begun && begun !== (acknowledged?.value ?? 0)) {
    count.unansweredButKept++
    return found
  }
  expect(found, `${name} is as it was acknowledged`).toEqual(acknowledged)
  return found
}

function heldIn(item: Json | undefined): Held {
  if (item === undefined) return undefined
  const labels = item.metadata?.labels as Readonly<Record<string, string>>
  return { value: Number(labels.value), revision: Number(item.metadata?.resourceVersion) }
}
