import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Json } from './json.ts'
import { jsonPatch, type PatchStep, pointerNames } from './json-patch.ts'

/** RFC 6902, 4.1 to 4.3, as a receiver does it. */
function applied(value: Json, steps: readonly PatchStep[]): Json {
  const root = { whole: structuredClone(value) as unknown }
  for (const step of steps) {
    const names = ['whole', ...pointerNames(step.path)]
    const last = names.pop() as string
    let at: unknown = root
    for (const name of names) at = (at as Record<string, unknown>)[name]
    if (Array.isArray(at)) {
      const index = Number(last)
      expect(index).toBeLessThanOrEqual(step.op === 'add' ? at.length : at.length - 1)
      if (step.op === 'add') at.splice(index, 0, structuredClone(step.value))
      else if (step.op === 'remove') at.splice(index, 1)
      else at[index] = structuredClone(step.value)
    } else {
      const object = at as Record<string, unknown>
      if (step.op !== 'add') expect(Object.hasOwn(object, last)).toBe(true)
      if (step.op === 'remove') delete object[last]
      else object[last] = structuredClone(step.value)
    }
  }
  return root.whole as Json
}

describe('jsonPatch', () => {
  test('makes the one of the other, whatever they are', () => {
    const names = fc.oneof(fc.constantFrom('a', 'b', 'a/b', '~', '~1', ''), fc.string({ maxLength: 3 }))
    const { json } = fc.letrec(tie => ({
      json: fc.oneof(
        { maxDepth: 4 },
        fc.constantFrom(null, true, false, 0, 1, 'x', ''),
        fc.array(tie('json'), { maxLength: 4 }),
        fc.dictionary(
          names.filter(name => name !== '__proto__'),
          tie('json'),
          { maxKeys: 4, noNullPrototype: true },
        ),
      ),
    }))
    fc.assert(
      fc.property(json, json, (before, after) => {
        expect(applied(before as Json, jsonPatch(before as Json, after as Json))).toEqual(after)
      }),
      { numRuns: 2_000 },
    )
  })

  test('says nothing of what is equal', () => {
    expect(jsonPatch({ a: [1, { b: null }] }, { a: [1, { b: null }] })).toEqual([])
  })

  test('adds at the head of a list and leaves the rest alone', () => {
    expect(jsonPatch({ list: [{ n: 'app' }] }, { list: [{ n: 'init' }, { n: 'side' }, { n: 'app' }] })).toEqual([
      { op: 'add', path: '/list/0', value: { n: 'init' } },
      { op: 'add', path: '/list/1', value: { n: 'side' } },
    ])
  })

  test('escapes what a pointer would misread', () => {
    expect(jsonPatch({}, { 'selvedge.dev/a~b': 1 })).toEqual([{ op: 'add', path: '/selvedge.dev~1a~0b', value: 1 }])
    expect(pointerNames('/selvedge.dev~1a~0b/0')).toEqual(['selvedge.dev/a~b', '0'])
  })
})
