import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { parseResources } from '../../model/resources/mod.ts'
import { projectRoot } from '../kit/program.ts'
import { type Cluster, makeNamespace, startCluster } from './cluster.ts'

interface Resource {
  readonly apiVersion?: string
  readonly kind?: string
  readonly metadata?: { readonly name: string; readonly namespace?: string }
  readonly [field: string]: unknown
}

const EXAMPLES = join(projectRoot, 'docs/examples')
const examples = readdirSync(EXAMPLES)
  .filter(name => name.endsWith('.yaml'))
  .flatMap(file =>
    parseAllDocuments(readFileSync(join(EXAMPLES, file), 'utf8')).map(document => ({
      file,
      resource: document.toJS() as Resource | null,
    })),
  )
  .flatMap(({ file, resource }) =>
    resource?.apiVersion === 'selvedge.dev/v1'
      ? [[`${file}: ${resource.kind} ${resource.metadata?.name}`, resource] as const]
      : [],
  )

const policy = (spec: object): Resource => ({
  apiVersion: 'selvedge.dev/v1',
  kind: 'TrafficPolicy',
  metadata: { name: 'x', namespace: 'shop' },
  spec: { targetRef: { kind: 'Service', name: 'reviews' }, ...spec },
})
const workload = (spec: object, name = 'x'): Resource => ({
  apiVersion: 'selvedge.dev/v1',
  kind: 'Workload',
  metadata: { name, namespace: 'shop' },
  spec: { address: '10.0.0.1', serviceAccount: 'reviews', ports: [{ name: 'http', port: 80 }], ...spec },
})

/** The definitions of our kinds, and the API server that holds resources against them. Ours is the first word: what it refuses, and for what, both do. */
describe('the definitions of our kinds', () => {
  let cluster: Cluster
  beforeAll(async () => {
    cluster = await startCluster()
    await cluster.must(['apply', '-f', join(projectRoot, 'k8s/crds')])
    await cluster.must(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=20s'])
    const namespaces = new Set(
      examples.map(([, { metadata }]) => metadata?.namespace).filter(name => name !== undefined),
    )
    for (const name of new Set([...namespaces, 'shop'])) {
      if (name !== 'default') await makeNamespace(cluster, name, {})
    }
  })
  afterAll(() => cluster?.close())

  test('have nothing in them that the API server would complain of', async () => {
    interface Definition {
      readonly metadata: { readonly name: string }
      readonly status: { readonly conditions: readonly { readonly type: string; readonly status: string }[] }
    }
    const { items } = await cluster.get<{ readonly items: readonly Definition[] }>('crd')
    expect(items).toHaveLength(readdirSync(join(projectRoot, 'k8s/crds')).length)
    for (const { metadata, status } of items) {
      const held = new Map(status.conditions.map(condition => [condition.type, condition.status]))
      expect({
        name: metadata.name,
        schema: held.get('NonStructuralSchema') ?? 'fine',
        established: held.get('Established'),
      }).toEqual({
        ...{ name: metadata.name, schema: 'fine', established: 'True' },
      })
    }
  })

  test.each(examples)('%s is taken', async (_, resource) => {
    const { ok, err } = await cluster.kubectl(['apply', '--dry-run=server', '-f', '-'], JSON.stringify(resource))
    expect({ ok, err }).toEqual({ ok: true, err: '' })
  })

  test.each<[string, Resource, RegExp]>([
    ['a number out of bounds', policy({ circuitBreaker: { maxRequests: 0 } }), /maxRequests/],
    ['a word that is none of those', policy({ targetRef: { kind: 'Deployment', name: 'reviews' } }), /targetRef.kind/],
    ['a field that is missing', policy({ targetRef: undefined }), /targetRef/],
    ['a field that is misspelt', policy({ circutBreaker: {} }), /circutBreaker/],
    [
      'a text that is no duration',
      policy({ outlierDetection: { baseEjectionTime: '30 seconds' } }),
      /baseEjectionTime/,
    ],
    ['a text for a number', policy({ circuitBreaker: { maxRequests: '10' } }), /maxRequests/],
    ['a name that is no label', workload({}, 'a.b'), /metadata.name/],
    ['a port that is none', workload({ ports: [{ name: 'http', port: 65_536 }] }), /port/],
  ])('%s is refused, as by the control plane', async (_, resource, field) => {
    const text = JSON.stringify(resource)
    const ours = parseResources(text)
    expect(ours.ok ? 'taken' : JSON.stringify(ours.error)).toMatch(field)
    const { ok, err } = await cluster.kubectl(['apply', '--dry-run=server', '-f', '-'], text)
    expect(ok).toBe(false)
    expect(err).toMatch(field)
  })
})
