import { execFile, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { CONTROL_PLANE_DNS_NAME } from '../../../certs/mod.ts'
import { Plane, ROUTES, route, SERVICES, service } from './plane.ts'

const run = promisify(execFile)
/** Not every machine has it, and Debian has none that is recent: the calls that it makes are tried below without it, too. */
const HAS_KUBECTL = spawnSync('kubectl', ['version', '--client']).status === 0

const YAML = (weight: number, ports: string): string => `
apiVersion: v1
kind: Service
metadata: {name: reviews, namespace: bookshop, labels: {app: reviews}}
spec: {ports: [${ports}], selector: {app: reviews}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: canary, namespace: bookshop}
spec:
  parentRefs: [{group: '', kind: Service, name: reviews, port: 80}]
  rules: [{backendRefs: [{name: reviews, port: 80, weight: ${weight}}]}]
`

describe('kubectl', () => {
  let plane: Plane
  beforeEach(async () => {
    plane = new Plane()
    await plane.start(...(HAS_KUBECTL ? ['--rest-tls', 'always'] : []))
  })
  afterEach(() => plane.close())

  it(`${HAS_KUBECTL ? 'itself' : 'by the calls that it makes'} applies, reads, watches, explains and deletes`, async () => {
    if (HAS_KUBECTL) await withKubectl(plane)
    else await withItsCalls(plane)
  })
})

async function withKubectl(plane: Plane): Promise<void> {
  const folder = join(plane.dataDir, '..')
  const file = join(folder, 'mesh.yaml')
  // No other cluster's credentials, and no cache of an earlier run.
  const env = { PATH: process.env.PATH ?? '', HOME: folder, KUBECONFIG: '/dev/null' }
  const server = ['--server', plane.url, '--token', plane.token]
  const trust = [
    '--certificate-authority',
    join(plane.dataDir, 'ca', 'ca.crt'),
    '--tls-server-name',
    CONTROL_PLANE_DNS_NAME,
  ]
  const kubectl = async (...args: string[]): Promise<string> =>
    (await run('kubectl', [...server, ...trust, ...args], { env })).stdout
  const apply = async (text: string): Promise<string> => {
    writeFileSync(file, text)
    return kubectl('apply', '-f', file)
  }

  expect(await kubectl('api-resources')).toMatch(
    /httproutes\s+route,routes,hr\s+gateway\.networking\.k8s\.io\/v1\s+true\s+HTTPRoute/,
  )
  expect(await apply(YAML(90, '{name: http, port: 80}, {name: admin, port: 81}'))).toBe(
    'service/reviews created\nhttproute.gateway.networking.k8s.io/canary created\n',
  )
  const watching = spawn('kubectl', [...server, ...trust, 'get', 'httproutes', '-A', '--watch', '-o', 'json'], { env })
  const seen: string[] = []
  createInterface({ input: watching.stdout }).on('line', line => seen.push(line.trim()))
  while (!seen.some(line => line === '"weight": 90')) await once(watching.stdout, 'data')

  // One port less: kubectl says so by a strategic merge patch.
  expect(await apply(YAML(10, '{name: http, port: 80}'))).toContain('service/reviews configured')
  expect(
    await kubectl('get', 'svc', '-n', 'bookshop', '-l', 'app=reviews', '-o', 'jsonpath={.items[*].spec.ports[*].port}'),
  ).toBe('80')
  expect(await kubectl('get', 'httproutes', '-A', '-o', 'yaml')).toContain('weight: 10')
  while (!seen.some(line => line === '"weight": 10')) await once(watching.stdout, 'data')
  watching.kill()
  await once(watching, 'exit')

  expect(await kubectl('explain', 'httproute.spec.parentRefs')).toContain(
    'The Services whose requests it routes (GAMMA).',
  )
  writeFileSync(file, YAML(10, '{name: http, port: 80, prot: 1}'))
  await expect(kubectl('apply', '-f', file)).rejects.toThrow(/spec\.ports\[0\]\.prot: is unknown: did you mean port/)
  expect(await kubectl('delete', 'httproute', 'canary', '-n', 'bookshop')).toContain('deleted')
  expect((await kubectl('get', 'httproutes', '-A', '-o', 'name')).trim()).toBe('')
}

/** What kubectl 1.32 was seen to send. */
async function withItsCalls(plane: Plane): Promise<void> {
  const by = 'fieldManager=kubectl-client-side-apply&fieldValidation=Strict'
  for (const path of ['/api', '/apis', '/api/v1', '/openapi/v3', '/openapi/v3/api/v1']) {
    expect((await plane.call('GET', `${path}?timeout=32s`)).code, path).toBe(200)
  }
  expect((await plane.call('POST', `${SERVICES}?${by}`, service('reviews'))).code).toBe(201)
  expect((await plane.call('POST', `${ROUTES}?${by}`, route('reviews'))).code).toBe(201)
  const strategic = { 'content-type': 'application/strategic-merge-patch+json' }
  const spec = { '$setElementOrder/ports': [{ port: 81 }], ports: [{ $patch: 'delete', port: 80 }, { port: 81 }] }
  expect((await plane.call('PATCH', `${SERVICES}/reviews?${by}`, { spec }, strategic)).json).toMatchObject({
    spec: { ports: [{ port: 81 }] },
  })
  const merge = { 'content-type': 'application/merge-patch+json' }
  expect((await plane.call('PATCH', `${ROUTES}/canary?${by}`, { metadata: { labels: { a: 'b' } } }, merge)).code).toBe(
    200,
  )
  expect((await plane.call('GET', `${ROUTES}?limit=500`)).json.items).toHaveLength(1)
  const options = { propagationPolicy: 'Background' }
  expect((await plane.call('DELETE', `${ROUTES}/canary`, options)).code).toBe(200)
}
