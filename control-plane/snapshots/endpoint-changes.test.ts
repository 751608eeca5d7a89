import { assert, integer, property, record, uniqueArray } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Port, serviceKey, workloadKey } from '../../common/mod.ts'
import type { Endpoint } from '../../model/snapshot/mod.ts'
import { type EndpointsChange, type EndpointsResource, endpointChanges } from './endpoint-changes.ts'
import { contentVersion } from './version.ts'

const service = serviceKey('ns', 'a')

function endpoint(number: number, address = '10.0.0.1'): Endpoint {
  return {
    ...{ workload: workloadKey('ns', `a-${number}`), address, zone: '' },
    ports: [{ servicePort: 80 as Port, appPort: 8080 as Port }],
    tls: { kind: 'none', why: 'not-in-mesh' },
  }
}

function list(...endpoints: Endpoint[]): EndpointsResource {
  const sorted = endpoints.toSorted((a, b) => (a.workload < b.workload ? -1 : 1))
  const content = { service, endpoints: sorted }
  return { kind: 'endpoints', version: contentVersion(content), content }
}

const many = (count: number) => Array.from({ length: count }, (_, i) => endpoint(i))

describe('the change of a list of endpoints', () => {
  it('names what is new, what is changed and what is gone, and nothing else', () => {
    const changes = endpointChanges()
    const before = list(...many(20))
    const after = list(...many(20).slice(2), endpoint(1, '10.0.0.9'), endpoint(77))
    changes.compiled(service, before)
    changes.compiled(service, after)
    expect(changes.since(before.version, after)).toEqual({
      base: before.version,
      put: [endpoint(1, '10.0.0.9'), endpoint(77)],
      removed: ['ns/a-0'],
    })
  })

  it('is worked out once for all who hold the same version', () => {
    const changes = endpointChanges()
    const [before, after] = [list(...many(20)), list(...many(19))]
    changes.compiled(service, before)
    changes.compiled(service, after)
    expect(changes.since(before.version, after)).toBe(changes.since(before.version, after))
  })

  it('reaches back over several versions, to the last time that a version was current', () => {
    const changes = endpointChanges()
    const [whole, without] = [list(...many(20)), list(...many(19))]
    for (const one of [whole, without, whole, list(...many(18)), without]) changes.compiled(service, one)
    expect(changes.since(whole.version, without)).toMatchObject({
      put: [{ workload: 'ns/a-18' }],
      removed: ['ns/a-19'],
    })
  })

  it.each<[string, EndpointsResource[]]>([
    ['of an unknown version', [list(...many(20))]],
    ['that touches more than half of the list', [list(endpoint(50)), list(...many(20))]],
    ['of a short list', [list(...many(3)), list(...many(4))]],
  ])('is not made %s: the whole list is sent', (_, lists) => {
    const changes = endpointChanges()
    for (const one of lists) changes.compiled(service, one)
    const base = lists.length === 1 ? contentVersion('unknown') : lists[0]!.version
    expect(changes.since(base, lists.at(-1)!)).toBeUndefined()
  })

  it('is forgotten after 32 more, and with the Service', () => {
    const changes = endpointChanges()
    const first = list(...many(100))
    changes.compiled(service, first)
    for (let i = 1; i <= 32; i++) changes.compiled(service, list(...many(100 - i)))
    const last = list(...many(68))
    expect(changes.since(first.version, last)?.removed.length).toBe(32)
    const next = list(...many(67))
    changes.compiled(service, next)
    expect(changes.since(first.version, next)).toBeUndefined()
    expect(changes.since(last.version, next)?.removed).toEqual(['ns/a-67'])
    changes.compiled(service, undefined)
    changes.compiled(service, next)
    expect(changes.since(last.version, next)).toBeUndefined()
  })

  it('takes the holder of any remembered version to the present list', () => {
    const one = record({ number: integer({ min: 0, max: 30 }), host: integer({ min: 1, max: 2 }) })
    const lists = uniqueArray(one, { selector: ({ number }) => number, minLength: 8, maxLength: 31 })
    assert(
      property(uniqueArray(lists, { minLength: 2, maxLength: 8 }), history => {
        const changes = endpointChanges()
        const states = history.map(state =>
          list(...state.map(({ number, host }) => endpoint(number, `10.0.0.${host}`))),
        )
        for (const state of states) changes.compiled(service, state)
        const last = states.at(-1)!
        for (const state of states) {
          const change = changes.since(state.version, last)
          if (change !== undefined) expect(applied(state, change)).toEqual(last.content.endpoints)
        }
      }),
    )
  })
})

/** What a sidecar does with a change. */
function applied(base: EndpointsResource, { put, removed }: EndpointsChange): readonly Endpoint[] {
  const byWorkload = new Map(base.content.endpoints.map(one => [one.workload, one]))
  for (const workload of removed) byWorkload.delete(workload)
  for (const one of put) byWorkload.set(one.workload, one)
  return list(...byWorkload.values()).content.endpoints
}
