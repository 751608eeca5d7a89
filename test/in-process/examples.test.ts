import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { type ServiceKey, serviceKey } from '../../common/mod.ts'
import { matchRoute, pickBackend, prepareRoutes } from '../../decide/route/mod.ts'
import { compileService, worldOf } from '../../model/compile/mod.ts'
import {
  checkReferences,
  impliedService,
  type ProcessResource,
  parseResources,
  type Resource,
} from '../../model/resources/mod.ts'

const FOLDER = fileURLToPath(new URL('../../docs/examples/', import.meta.url))
const EXAMPLES = readdirSync(FOLDER).filter(name => name.endsWith('.yaml'))

function read(name: string): readonly Resource[] {
  const parsed = parseResources(readFileSync(`${FOLDER}${name}`, 'utf8'))
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error))
  return parsed.value
}

/** What the bookshop applies: its resources, and the Services that its programs answer for. A Service in the file wins. */
function bookshop(): readonly Resource[] {
  const resources = read('bookshop.yaml')
  const implied = resources
    .filter((resource): resource is ProcessResource => resource.kind === 'Process')
    .flatMap(process => impliedService(process) ?? [])
  return [...implied, ...resources]
}

describe('docs/examples', () => {
  it('holds the bookshop and its policies', () => {
    expect(EXAMPLES).toEqual(expect.arrayContaining(['bookshop.yaml', 'canary.yaml', 'resilience.yaml']))
  })

  it.each(EXAMPLES)('%s is valid, and refers only to what the bookshop has', name => {
    const changed = read(name)
    const world = worldOf([...bookshop(), ...changed])
    expect(checkReferences(world, changed)).toEqual([])
  })

  describe('canary.yaml', () => {
    const world = worldOf([...bookshop(), ...read('canary.yaml')])
    const catalog = compileService(world, 'bookshop', serviceKey('bookshop', 'catalog'))
    if (catalog === undefined) throw new Error('There is no catalog')
    const prepared = prepareRoutes(catalog)
    if (!prepared.ok) throw new Error(JSON.stringify(prepared.error))
    const routes = prepared.value

    /** Where a request goes, for a number that is drawn. */
    function backendOf(request: { path: string; group?: string; drawn?: number }): ServiceKey | undefined {
      const { path, group, drawn = 0 } = request
      const header = (name: string): string | undefined => (name === 'x-user-group' ? group : undefined)
      const match = matchRoute(routes, 80, { method: 'GET', path, query: '', header })
      if (match.kind !== 'rule') return undefined
      const backend = pickBackend(match.rule, () => drawn)
      return backend?.kind === 'service' ? backend.service : undefined
    }

    it('sends beta readers to v2, whatever is drawn', () => {
      for (const drawn of [0, 0.5, 0.99])
        expect(backendOf({ path: '/books/weft', group: 'beta', drawn })).toBe('bookshop/catalog-v2')
    })

    it('sends nine of ten others to v1', () => {
      expect(backendOf({ path: '/books', drawn: 0.899 })).toBe('bookshop/catalog-v1')
      expect(backendOf({ path: '/books', drawn: 0.901 })).toBe('bookshop/catalog-v2')
    })

    it('leaves all other paths to both', () => {
      expect(backendOf({ path: '/', group: 'beta' })).toBe('bookshop/catalog')
    })
  })
})
