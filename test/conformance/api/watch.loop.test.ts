import { afterEach, beforeEach, expect, it } from 'vitest'
import { figures, times } from '../../loop/loop.ts'
import { type Json, namesOf, Plane, SERVICES, service } from './plane.ts'
import { Watcher } from './watcher.ts'

const NAMES = ['a', 'b', 'c', 'd', 'e', 'f']
/** Reads of a watch before it is broken off and begun again where it was. */
const EVENTS_EACH = 7

let plane: Plane
beforeEach(async () => {
  plane = new Plane()
  await plane.start()
})
afterEach(() => plane.close())

it('who lists, watches, and comes back after each break has what the store has, and was told each change once', {
  timeout: 600_000,
}, async context => {
  const writes = times(80, 3_000)
  const { json } = await plane.call('GET', SERVICES)
  let from = json.metadata.resourceVersion ?? ''
  const held = new Map<string, string>()
  const told: number[] = []
  let breaks = 0
  let written = false

  const reading = (async () => {
    for (let target = 0; ; ) {
      const watcher = new Watcher(plane, `${SERVICES}?watch=true&resourceVersion=${from}&allowWatchBookmarks=true`)
      const changes = () => watcher.events.filter(({ type }) => type !== 'BOOKMARK')
      await watcher.started()
      target = Math.min(EVENTS_EACH, writes - told.length)
      await watcher.until(() => changes().length >= target)
      watcher.close()
      for (const { type, object } of changes()) {
        const { name = '', resourceVersion = '' } = object.metadata
        from = resourceVersion
        told.push(Number(resourceVersion))
        if (type === 'DELETED') held.delete(name)
        else held.set(name, resourceVersion)
      }
      breaks++
      if (written && told.length >= writes) return
    }
  })()

  const there = new Set<string>()
  for (let n = 0; n < writes; n++) {
    const name = NAMES[(n * 7 + (n >> 3)) % NAMES.length] ?? 'a'
    if (there.has(name) && n % 5 === 0) {
      there.delete(name)
      await plane.call('DELETE', `${SERVICES}/${name}`)
    } else {
      there.add(name)
      await plane.apply(service(name, { n: String(n) }))
    }
    written = n >= writes - 2
  }
  await reading

  // Each write is one revision, and each was told in its order.
  expect(told).toHaveLength(writes)
  expect(told).toEqual([...told].sort((a, b) => a - b))
  expect(new Set(told).size).toBe(writes)
  const live = await plane.call('GET', SERVICES)
  expect([...held.keys()].toSorted()).toEqual(namesOf(live))
  for (const { metadata } of live.json.items as readonly Json[]) {
    expect(held.get(metadata.name ?? '')).toBe(metadata.resourceVersion)
  }
  figures(context, { writes, breaks })
})
