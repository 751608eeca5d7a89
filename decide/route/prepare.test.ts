import { describe, expect, test } from 'vitest'
import type { RouteEntry } from '../../model/snapshot/mod.ts'
import { prepareRoutes } from './mod.ts'
import { entry, header, path, query, rule, service } from './routes.fixture.ts'

describe('preparing refuses', () => {
  function problemOf(entries: readonly RouteEntry[], rules = [rule('#0')]) {
    const result = prepareRoutes(service({ kind: 'routes', entries, rules }))
    return result.ok ? undefined : result.error
  }

  test.each([
    ['a path regex', path('regex', '/('), 'entries[0].path.value'],
    ['a back reference', path('regex', '/(a)\\1'), 'entries[0].path.value'],
    ['look-ahead', path('regex', '/(?=a)'), 'entries[0].path.value'],
    ['a header regex', header('x', '[', 'regex'), 'entries[0].headers[0].value'],
    ['a query regex', query('x', '*', 'regex'), 'entries[0].query[0].value'],
    ['a regex that is too long', path('regex', 'a'.repeat(5_000)), 'entries[0].path.value'],
    [
      'a regex whose repetitions blow up',
      path('regex', '([a-z]?[0-9]?){1000}([a-z]?[0-9]?){1000}'),
      'entries[0].path.value',
    ],
    ['an entry without its rule', entry({ rule: 1 }), 'entries[0].rule'],
  ])('%s, and names the field', (_, bad, field) => {
    expect(problemOf([bad])?.field).toBe(field)
    expect(problemOf([bad])?.message).toMatch(/^Cannot use /)
  })

  test.each([-1, Number.NaN, Number.POSITIVE_INFINITY])('the weight %s', weight => {
    const backends = [{ kind: 'invalid', why: 'no such Service', weight }] as const
    expect(problemOf([], [rule('#0', backends)])?.field).toBe('rules[0].backends[0].weight')
  })
})
