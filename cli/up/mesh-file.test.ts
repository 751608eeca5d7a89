import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { parseResources } from '../../model/resources/mod.ts'
import { memberNames, memberPorts } from './mesh.ts'
import { type MeshFile, meshFileOf } from './mesh-file.ts'

function meshOf(text: string): MeshFile {
  const parsed = parseResources(text)
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error))
  return meshFileOf(parsed.value)
}

function processText(name: string, spec: string): string {
  return `---\napiVersion: selvedge.dev/v1\nkind: Process\nmetadata: { name: ${name} }\nspec: { command: [x], ${spec} }\n`
}

test('a Service is made once for all Processes that answer for it', () => {
  const mesh = meshOf(processText('a', 'service: catalog') + processText('b', 'service: catalog'))
  expect(mesh.resources.map(({ kind, metadata }) => `${kind} ${metadata.name}`)).toEqual(['Service catalog'])
})

test('a Service that the file holds is left alone', () => {
  const written = '---\napiVersion: v1\nkind: Service\nmetadata: { name: catalog }\nspec: { ports: [{ port: 8080 }] }\n'
  const mesh = meshOf(processText('a', 'service: catalog') + written)
  expect(mesh.resources).toHaveLength(1)
  expect(mesh.resources[0]).toMatchObject({ spec: { ports: [{ port: 8080 }] } })
})

test('Processes without a service are clients, and are not applied', () => {
  const mesh = meshOf(processText('load', 'replicas: 2'))
  expect(mesh.servers).toEqual([])
  expect(mesh.clients.map(({ name }) => name)).toEqual(['load-1', 'load-2'])
  expect(mesh.resources).toEqual([])
})

test('the demo has six programs that answer, one that calls, and six Services', () => {
  const mesh = meshOf(readFileSync(new URL('../../docs/examples/bookshop.yaml', import.meta.url), 'utf8'))
  expect(mesh.servers.map(({ name }) => name)).toEqual([
    'storefront',
    'catalog-v1',
    'catalog-v2',
    'reviews',
    'orders',
    'payments',
  ])
  expect(mesh.clients.map(({ name }) => name)).toEqual(['load'])
  expect(mesh.resources).toHaveLength(7)
})

test.each(['canary', 'resilience'])('the example %s.yaml is valid', name => {
  const text = readFileSync(new URL(`../../docs/examples/${name}.yaml`, import.meta.url), 'utf8')
  expect(parseResources(text)).toMatchObject({ ok: true })
})

test('a server without a port gets a free one, a client none', () => {
  const mesh = meshOf(
    processText('a', 'service: a') + processText('b', 'service: b, port: 8080') + processText('c', ''),
  )
  const free = [1, 2, 3, 4, 5]
  expect(mesh.servers.map(server => memberPorts(server, free).program)).toEqual([5, 8080])
  expect(mesh.clients.map(client => memberPorts(client, free).program)).toEqual([undefined])
})

test('lines are prefixed with the namespace only where two programs share a name', () => {
  const [a, b] = meshOf(processText('a', '') + processText('b', '')).clients
  if (a === undefined || b === undefined) throw new Error('two clients')
  expect(memberNames([a, b, { ...b, namespace: 'other' }])).toEqual(['a', 'default/b', 'other/b'])
})
