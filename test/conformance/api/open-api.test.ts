import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { KINDS } from '../../../model/resources/mod.ts'
import { openApi3 } from './open-api-schema.ts'
import { type Json, MESH, Plane } from './plane.ts'

interface Operation {
  readonly operationId: string
  readonly parameters?: readonly { readonly name: string; readonly in: string }[]
  readonly responses: Readonly<Record<string, unknown>>
  readonly security?: readonly unknown[]
}
type Document = Json & {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: Readonly<Record<string, Readonly<Record<string, Json>>>>
}

describe('the API described by itself', () => {
  const plane = new Plane()
  beforeAll(() => plane.start())
  afterAll(() => plane.close())
  const get = async (path: string) => {
    const { code, json } = await plane.call('GET', path)
    expect(code, path).toBe(200)
    return json as Document
  }
  const operationsOf = ({ paths }: Document) =>
    Object.entries(paths).flatMap(([path, item]) =>
      Object.entries(item).map(([method, operation]) => ({ path, method, operation })),
    )

  it('is valid OpenAPI 3.0, all of it and each group', async () => {
    const { paths } = await get('/openapi/v3')
    const urls = Object.values(paths).map(({ serverRelativeURL }) => String(serverRelativeURL))
    expect(urls).toHaveLength(3)
    for (const path of ['/openapi.json', ...urls]) {
      const document = await get(path)
      const checked = openApi3.safeParse(document)
      expect(checked.error?.issues ?? [], path).toEqual([])
      const ids = operationsOf(document).map(({ operation }) => operation.operationId)
      expect(new Set(ids).size).toBe(ids.length)
      for (const { path: template, operation } of operationsOf(document)) {
        const declared = (operation.parameters ?? [])
          .filter(parameter => parameter.in === 'path')
          .map(({ name }) => name)
        expect(declared, template).toEqual([...template.matchAll(/\{(\w+)\}/g)].map(([, name]) => name))
      }
    }
  })

  it('refers to nothing that is not there', async () => {
    const document = await get('/openapi.json')
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/(\w+)\/([^"]+)"/g)]
    expect(references.length).toBeGreaterThan(100)
    for (const [, group = '', name = ''] of references) expect(document.components[group], name).toHaveProperty([name])
  })

  it('has every path and kind, and refusals of each call', async () => {
    const document = await get('/openapi.json')
    for (const { kind, apiVersion, plural } of KINDS) {
      const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`
      const list = `${root}/namespaces/{namespace}/${plural}`
      expect(Object.keys(document.paths[`${root}/${plural}`] ?? {})).toEqual(['get'])
      expect(Object.keys(document.paths[list] ?? {})).toEqual(['get', 'post'])
      expect(Object.keys(document.paths[`${list}/{name}`] ?? {})).toEqual(['get', 'put', 'patch', 'delete'])
      expect(document.components.schemas).toHaveProperty([kind])
      expect(document.components.schemas).toHaveProperty([`${kind}List`])
    }
    for (const { path, method, operation } of operationsOf(document)) {
      if (operation.security?.length === 0) continue
      expect(Object.keys(operation.responses), `${method} ${path}`).toEqual(expect.arrayContaining(['400', '401']))
      if (method !== 'get') expect(operation.responses, `${method} ${path}`).toHaveProperty(['403'])
    }
  })

  it('tells of no call that is not there, and of a path all that it takes', async () => {
    const document = await get('/openapi.json')
    for (const { path, method, operation } of operationsOf(document)) {
      // A parameter that no call knows is refused, before anything else is looked at, or the body is.
      const real = path.replaceAll(/\{\w+\}/g, 'x')
      const { code, headers, json } = await plane.call(method.toUpperCase(), `${real}?unknown=1`)
      expect(code, `${method} ${path}`).not.toBe(405)
      if (code === 404) expect(json.message, `${method} ${path}`).not.toContain('the API has no such path')
      expect(operation.operationId).toMatch(/^[a-z]/)
      // Of all methods, those that are told of are those that there are.
      const refused = await plane.call('OPTIONS', real)
      expect(refused.code).toBe(405)
      const allowed = (refused.headers.get('allow') ?? '').split(', ').map(one => one.toLowerCase())
      expect(Object.keys(document.paths[path] ?? {}).toSorted(), path).toEqual(allowed.toSorted())
      expect(headers.get('content-type')).toBe('application/json')
    }
  })

  it('has the schemas that resources are checked with', async () => {
    const { components } = await get('/openapi.json')
    expect(components.schemas?.Service).toMatchObject({
      type: 'object',
      required: expect.arrayContaining(['apiVersion', 'kind', 'metadata', 'spec']),
      additionalProperties: false,
      properties: { spec: { properties: { ports: { type: 'array', minItems: 1, items: { required: ['port'] } } } } },
      'x-kubernetes-group-version-kind': [{ group: '', version: 'v1', kind: 'Service' }],
    })
  })

  it('is discovered as the Kubernetes API is', async () => {
    expect(await get('/api')).toMatchObject({ kind: 'APIVersions', versions: ['v1'] })
    const { groups } = (await get('/apis')) as unknown as { groups: { name: string }[] }
    expect(groups.map(({ name }) => name).toSorted()).toEqual(['gateway.networking.k8s.io', 'selvedge.dev'])
    const found: string[] = []
    for (const root of ['/api/v1', ...groups.map(({ name }) => `/apis/${name}/v1`)]) {
      const list = (await get(root)) as unknown as {
        groupVersion: string
        resources: { kind: string; verbs: string[] }[]
      }
      found.push(...list.resources.map(({ kind }) => `${list.groupVersion} ${kind}`))
      for (const { verbs } of list.resources)
        expect(verbs).toEqual(expect.arrayContaining(['get', 'list', 'watch', 'patch']))
    }
    expect(found.toSorted()).toEqual(KINDS.map(({ apiVersion, kind }) => `${apiVersion} ${kind}`).toSorted())
    expect(await get('/apis/selvedge.dev')).toMatchObject({ kind: 'APIGroup', preferredVersion: { version: 'v1' } })
    expect((await plane.call('GET', `${MESH}`)).json.kind).toBe('APIResourceList')
  })
})
