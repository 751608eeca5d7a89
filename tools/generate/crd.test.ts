import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { KINDS } from '../../model/resources/mod.ts'
import { crdOf } from './crd.ts'

const own = KINDS.filter(({ group }) => group === 'selvedge.dev')
type Node = Readonly<Record<string, unknown>>

/** Each schema below (and with) `node`, with its path; inside a choice as `path|`. */
function* schemasOf(node: Node, path: string): Generator<readonly [string, Node]> {
  yield [path, node]
  const below = (value: unknown, name: string) => schemasOf(value as Node, name)
  for (const [name, field] of Object.entries((node.properties ?? {}) as Node)) yield* below(field, `${path}.${name}`)
  for (const keyword of ['items', 'additionalProperties']) {
    if (node[keyword] !== undefined) yield* below(node[keyword], `${path}.${keyword}`)
  }
  for (const choice of (node.anyOf ?? []) as Node[]) yield* below(choice, `${path}|`)
}

describe.each(own.map(info => [info.kind, crdOf(info)] as const))('the CRD of %s', (kind, text) => {
  const crd = parse(text)
  const version = crd.spec.versions[0]
  const schemas = [...schemasOf(version.schema.openAPIV3Schema, kind)]

  test('is named after its plural and group', () => {
    expect(crd.metadata.name).toBe(`${crd.spec.names.plural}.${crd.spec.group}`)
    expect(crd.spec.names).toMatchObject({ kind, listKind: `${kind}List`, singular: kind.toLowerCase() })
    expect(version).toMatchObject({ name: 'v1', served: true, storage: true })
  })

  // https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema
  test('is structural: each level has a type, and choices have none', () => {
    for (const [path, schema] of schemas) {
      if (path.endsWith('|')) {
        for (const keyword of ['type', 'description', 'default', 'additionalProperties'])
          expect(schema, path).not.toHaveProperty(keyword)
      } else {
        expect(schema, path).toHaveProperty('type')
      }
    }
  })

  test('has no keyword that the API server refuses', () => {
    const refused = [
      '$schema',
      '$ref',
      'const',
      'oneOf',
      'propertyNames',
      'examples',
      'exclusiveMinimum',
      'exclusiveMaximum',
    ]
    for (const [path, schema] of schemas) {
      for (const keyword of refused) expect(schema, path).not.toHaveProperty(keyword)
      expect(typeof schema.additionalProperties, path).not.toBe('boolean')
    }
  })

  test('describes every field of its spec', () => {
    const spec = schemas.filter(
      ([path]) => path.startsWith(`${kind}.spec.`) && !/\||\.(items|additionalProperties)$/.test(path),
    )
    for (const [path, schema] of spec) expect(schema, path).toHaveProperty('description')
  })
})
