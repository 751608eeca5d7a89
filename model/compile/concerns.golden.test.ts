import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import type { ServiceSnapshot } from '../snapshot/mod.ts'
import { compileEndpoints, compileSelf, compileService, type World, withBackends } from './mod.ts'
import { service, TRUST_DOMAIN, workload, worldFrom } from './world.fixture.ts'

/** What is asked of the World of `test/golden/compile/<concern>/input.yaml`; the answer stands beside it, in output.yaml. */
const CONCERNS: Readonly<Record<string, (world: World) => unknown>> = {
  self: world => ({
    'bookshop/reviews-1': compileSelf(world, workload('bookshop/reviews-1'), TRUST_DOMAIN),
    'bookshop/nobody': absent(compileSelf(world, workload('bookshop/nobody'), TRUST_DOMAIN)),
  }),
  endpoints: world =>
    Object.fromEntries(
      ['by-name', 'by-number', 'two-ports', 'only-port', 'nobody', 'gone'].map(name => [
        name,
        absent(compileEndpoints(world, service(`bookshop/${name}`), TRUST_DOMAIN)?.endpoints),
      ]),
    ),
  service: world => ({
    ...Object.fromEntries(
      ['every-protocol', 'routed', 'gone'].map(name => {
        const compiled = seen(world, name)
        return [name, absent(compiled && { ports: compiled.ports, routing: compiled.routing.kind })]
      }),
    ),
    'comes along with routed': withBackends(world, 'bookshop', [service('bookshop/routed')]),
  }),
  routes: world =>
    Object.fromEntries(
      ['bookshop', 'shop', 'other'].map(caller => [
        `seen from ${caller}`,
        entriesOf(seen(world, 'reviews', caller)).map(({ rule, ports }) => ({
          rule: rule.name,
          route: rule.route,
          ports,
        })),
      ]),
    ),
  precedence: world =>
    entriesOf(seen(world, 'reviews')).map(({ rule, path }) => `${rule.name} ${path.kind} ${path.value}`),
  match: world => entriesOf(seen(world, 'reviews')).map(({ rule, ...match }) => ({ rule: rule.name, ...match })),
  rule: world => {
    const routing = seen(world, 'reviews')?.routing
    return routing?.kind === 'routes' ? routing.rules : []
  },
  traffic: world => ({ reviews: seen(world, 'reviews')?.traffic, plain: seen(world, 'plain')?.traffic }),
  mesh: world => ({
    bookshop: compileSelf(world, workload('bookshop/w'), TRUST_DOMAIN)?.mesh,
    other: compileSelf(world, workload('other/w'), TRUST_DOMAIN)?.mesh,
  }),
}

function seen(world: World, name: string, caller = 'bookshop'): ServiceSnapshot | undefined {
  return compileService(world, caller, service(`bookshop/${name}`))
}

/** Entries in their order, each with its rule in the place of the rule's number. */
function entriesOf(compiled: ServiceSnapshot | undefined) {
  if (compiled?.routing.kind !== 'routes') return []
  const { entries, rules } = compiled.routing
  return entries.map(entry => ({ ...entry, rule: rules[entry.rule]! }))
}

function absent<Value>(value: Value | undefined): Value | string {
  return value ?? 'there is none'
}

const file = (concern: string, name: string) =>
  fileURLToPath(new URL(`../../test/golden/compile/${concern}/${name}`, import.meta.url))

describe('what compile makes of', () => {
  test.each(Object.entries(CONCERNS))('%s', async (concern, ask) => {
    const world = worldFrom(readFileSync(file(concern, 'input.yaml'), 'utf8'))
    await expect(stringify(ask(world), { lineWidth: 0, aliasDuplicateObjects: false })).toMatchFileSnapshot(
      file(concern, 'output.yaml'),
    )
  })

  test('precedence is what the names of its rules say', () => {
    const world = worldFrom(readFileSync(file('precedence', 'input.yaml'), 'utf8'))
    const names = entriesOf(seen(world, 'reviews')).map(({ rule }) => rule.name)
    expect(names).toEqual(names.toSorted())
  })
})
