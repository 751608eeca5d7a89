import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { request } from 'node:http'
import { get } from 'node:https'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { CONTROL_PLANE_DNS_NAME } from '../../certs/mod.ts'
import { type ControlPlane, startControlPlane } from '../../control-plane/app.ts'
import { readControlPlaneConfig } from '../../control-plane/config.ts'

type Json = Readonly<Record<string, unknown>> & { readonly metadata: Readonly<Record<string, string>> }

interface Answer {
  readonly code: number
  readonly json: Json
  readonly headers: Headers
}

const SERVICES = '/api/v1/namespaces/bookshop/services'
const APPLY = '/apis/selvedge.dev/v1/apply'
const ROUTES = '/apis/gateway.networking.k8s.io/v1/namespaces/bookshop/httproutes'

const service = (name: string, port = 80): object => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace: 'bookshop' },
  spec: { ports: [{ port }], selector: { app: name } },
})

const route = (backend: string): object => ({
  apiVersion: 'gateway.networking.k8s.io/v1',
  kind: 'HTTPRoute',
  metadata: { name: 'canary', namespace: 'bookshop' },
  spec: {
    parentRefs: [{ group: '', kind: 'Service', name: 'reviews', port: 80 }],
    rules: [{ backendRefs: [{ name: backend, port: 80 }] }],
  },
})

const yaml = `
apiVersion: v1
kind: Service
metadata: {name: reviews, namespace: bookshop}
spec:
  ports: [{port: 80}]
---
apiVersion: v1
kind: Service
metadata: {name: catalog, namespace: bookshop}
spec:
  ports: [{port: 80}]
`

describe('the control plane’s API', () => {
  let dataDir: string
  let plane: ControlPlane
  let token: string

  async function start(...flags: string[]): Promise<void> {
    const ports = ['rest', 'enrolment', 'discovery', 'metrics'].map(name => `--${name}-port=0`)
    const config = readControlPlaneConfig([`--data-dir=${dataDir}`, '--log-level=silent', ...ports, ...flags], {})
    if (!config.ok) throw new Error(config.error.join(' '))
    const started = await startControlPlane(config.value, '0.0.0-test')
    if (!started.ok) throw new Error(started.error)
    plane = started.value
    token = readFileSync(plane.addresses.tokenFile, 'utf8').trim()
  }
  async function restart(): Promise<void> {
    await plane.close()
    await start()
  }
  async function call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    const type = typeof body === 'string' ? 'application/yaml' : 'application/json'
    const response = await fetch(`${plane.addresses.rest}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { 'content-type': type }),
        ...headers,
      },
      ...(text === undefined ? {} : { body: text }),
    })
    const answer: Answer = { code: response.status, json: (await response.json()) as Json, headers: response.headers }
    return answer
  }

  beforeEach(async () => {
    dataDir = join(mkdtempSync(join(tmpdir(), 'selvedge-api-')), 'data')
    await start()
  })
  afterEach(async () => {
    await plane.close()
    rmSync(join(dataDir, '..'), { recursive: true })
  })

  describe('one resource', () => {
    it('is created, read, replaced and deleted', async () => {
      const created = await call('POST', SERVICES, service('reviews'))
      expect(created).toMatchObject({ code: 201, json: { kind: 'Service', metadata: { resourceVersion: '1' } } })
      expect(created.json.metadata.uid).toMatch(/^[0-9a-f-]{36}$/)
      expect(Date.parse(created.json.metadata.creationTimestamp ?? '')).toBeGreaterThan(0)

      const one = `${SERVICES}/reviews`
      expect(await call('GET', one)).toMatchObject({ code: 200, json: created.json })
      const replaced = await call('PUT', one, service('reviews', 8080))
      expect(replaced).toMatchObject({ code: 200, json: { spec: { ports: [{ port: 8080 }] } } })
      expect(replaced.json.metadata).toMatchObject({ uid: created.json.metadata.uid, resourceVersion: '2' })
      expect(await call('DELETE', one)).toMatchObject({ code: 200, json: { metadata: { name: 'reviews' } } })
      expect(await call('GET', one)).toMatchObject({ code: 404, json: { kind: 'Status', reason: 'NotFound' } })
      expect((await call('DELETE', one)).code).toBe(404)
      expect((await call('PUT', one, service('reviews'))).code).toBe(404)
    })

    it('can be written back as it was read', async () => {
      const { json } = await call('POST', SERVICES, service('reviews'))
      const again = await call('PUT', `${SERVICES}/reviews`, json)
      expect(again).toMatchObject({ code: 200, json: { metadata: { resourceVersion: '1' } } })
    })

    it('is not created twice', async () => {
      await call('POST', SERVICES, service('reviews'))
      const twice = await call('POST', SERVICES, service('reviews', 8080))
      expect(twice).toMatchObject({ code: 409, json: { message: expect.stringContaining('it is there already') } })
    })

    it('[API-7] is not overwritten by a writer who has read an older version: 409 with the current one', async () => {
      const { json: first } = await call('POST', SERVICES, service('reviews'))
      const at = (resourceVersion: string | undefined) => ({
        ...service('reviews', 8080),
        metadata: { name: 'reviews', namespace: 'bookshop', resourceVersion },
      })
      const one = `${SERVICES}/reviews`
      expect((await call('PUT', one, at(first.metadata.resourceVersion))).code).toBe(200)
      const stale = await call('PUT', one, at(first.metadata.resourceVersion))
      expect(stale).toMatchObject({ code: 409, json: { reason: 'Conflict', details: { currentResourceVersion: '2' } } })
      expect((await call('PUT', one, at('x'))).code).toBe(422)
    })

    it('must be the one that the path names', async () => {
      const other = await call('POST', '/api/v1/namespaces/elsewhere/services', service('reviews'))
      expect(other).toMatchObject({ code: 422, json: { details: { causes: [{ field: 'metadata.namespace' }] } } })
      expect((await call('POST', ROUTES, service('reviews'))).code).toBe(422)
      expect((await call('PUT', `${SERVICES}/ratings`, service('reviews'))).code).toBe(422)
    })
  })

  it('lists a kind, in one namespace or in all', async () => {
    await call('POST', SERVICES, service('reviews'))
    await call('POST', '/api/v1/namespaces/shop/services', {
      ...service('cart'),
      metadata: { name: 'cart', namespace: 'shop' },
    })
    const names = async (path: string) =>
      ((await call('GET', path)).json.items as Json[]).map(({ metadata }) => `${metadata.namespace}/${metadata.name}`)
    expect(await names('/api/v1/services')).toEqual(['bookshop/reviews', 'shop/cart'])
    expect(await names(SERVICES)).toEqual(['bookshop/reviews'])
    expect(await names(ROUTES)).toEqual([])
    expect((await call('GET', SERVICES)).json).toMatchObject({
      kind: 'ServiceList',
      metadata: { resourceVersion: '2' },
    })
    expect((await call('GET', `${SERVICES}?labelselector=a`)).code).toBe(400)
  })

  describe('apply', () => {
    it('is one revision, from YAML of several documents or from JSON', async () => {
      const first = await call('POST', APPLY, yaml)
      expect(first).toMatchObject({
        code: 200,
        json: {
          revision: 1,
          results: [
            { resource: 'Service bookshop/reviews', action: 'created' },
            { resource: 'Service bookshop/catalog', action: 'created' },
          ],
          warnings: [],
        },
      })
      const resources = [service('reviews', 8080), service('catalog'), route('reviews')]
      const second = await call('POST', APPLY, { resources })
      expect(second.json).toMatchObject({
        revision: 2,
        results: [{ action: 'configured' }, { action: 'configured' }, { action: 'created' }],
      })
      const list = { apiVersion: 'v1', kind: 'List', items: resources }
      const third = await call('POST', APPLY, list)
      expect(third.json).toMatchObject({ revision: 2, results: Array(3).fill({ action: 'unchanged' }) })
    })

    it('applies nothing when one of many is wrong, and tells every fault with its line and the nearest known name', async () => {
      const wrong = yaml
        .replace('spec:\n  ports', 'spec:\n  prots')
        .replace(/kind: Service(?![\s\S]*kind: Service)/, 'kind: Servce')
      const refused = await call('POST', APPLY, wrong)
      expect(refused).toMatchObject({ code: 422, json: { kind: 'Status', reason: 'Invalid' } })
      const { causes } = refused.json.details as { causes: { field: string; message: string }[] }
      expect(causes).toContainEqual(
        expect.objectContaining({
          resource: 'Service bookshop/reviews',
          field: 'spec.prots',
          message: 'is unknown: did you mean ports?',
        }),
      )
      expect(causes).toContainEqual(
        expect.objectContaining({ field: 'kind', message: expect.stringContaining('did you mean Service?') }),
      )
      expect(refused.json.message).toContain(
        'Service bookshop/reviews, line 6: spec.prots is unknown: did you mean ports?',
      )
      expect((await call('GET', SERVICES)).json.items).toEqual([])
    })

    it('applies nothing when one version of many is stale', async () => {
      await call('POST', APPLY, yaml)
      const stale = {
        ...service('reviews', 9090),
        metadata: { name: 'reviews', namespace: 'bookshop', resourceVersion: '7' },
      }
      expect((await call('POST', APPLY, { resources: [service('new'), stale] })).code).toBe(409)
      expect((await call('GET', `${SERVICES}/new`)).code).toBe(404)
    })

    it('warns of a reference to nothing, and applies all the same', async () => {
      const { json } = await call('POST', APPLY, { resources: [service('reviews'), route('reviws')] })
      expect(json).toMatchObject({ revision: 1, warnings: [expect.stringContaining('did you mean reviews?')] })
      const put = await call('PUT', `${ROUTES}/canary`, route('catlog'))
      expect(put.headers.get('warning')).toContain('bookshop/catlog is not there')
    })

    it('changes nothing on a dry run', async () => {
      const dry = await call('POST', `${APPLY}?dryRun=All`, yaml)
      expect(dry).toMatchObject({
        code: 200,
        json: { revision: 0, results: [{ action: 'created' }, { action: 'created' }] },
      })
      expect((await call('GET', SERVICES)).json.items).toEqual([])
      expect((await call('POST', `${APPLY}?dryRun=yes`, yaml)).code).toBe(400)
      expect((await call('POST', `${SERVICES}?dryRun=All`, service('reviews'))).code).toBe(201)
      expect((await call('GET', `${SERVICES}/reviews`)).code).toBe(404)
    })

    it('refuses what holds nothing, and what is no text of resources', async () => {
      for (const body of ['', '# nothing', '{"resources": []}', '[]']) {
        expect((await call('POST', APPLY, body)).code, body).toBe(400)
      }
      for (const body of ['just words', '{', '[[[', '{"resources": 1}']) {
        expect((await call('POST', APPLY, body)).code, body).toBe(422)
      }
    })

    it('[API-5] refuses deep nesting, __proto__ and an alias bomb, and lives', async () => {
      const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\n${[...'bcdefgh'].map((c, i) => `${c}: &${c} [${Array(9).fill(`*${'abcdefg'[i]}`)}]`).join('\n')}`
      const deep = '['.repeat(100_000) + ']'.repeat(100_000)
      const proto = '{"apiVersion":"v1","kind":"Service","metadata":{"name":"a","__proto__":{"x":1}},"spec":{}}'
      for (const body of [bomb, deep, proto, `{"resources":${deep}}`])
        expect((await call('POST', APPLY, body)).code).toBe(422)
      expect((await call('GET', '/healthz')).code).toBe(200)
    })
  })

  it('deletes many in one step, and calls absent what was not there', async () => {
    await call('POST', APPLY, yaml)
    const ref = (name: string) => ({ apiVersion: 'v1', kind: 'Service', namespace: 'bookshop', name })
    const path = '/apis/selvedge.dev/v1/delete'
    const { code, json } = await call('POST', path, { resources: [ref('reviews'), ref('catalog'), ref('ghost')] })
    expect({ code, json }).toMatchObject({
      code: 200,
      json: { revision: 2, results: [{ action: 'deleted' }, { action: 'deleted' }, { action: 'absent' }] },
    })
    const wrong = await call('POST', path, { resources: [{ kind: 'Sevice', name: 'x' }, { kind: 'Service' }] })
    expect(wrong).toMatchObject({
      code: 422,
      json: { details: { causes: [{ resource: 'item 1' }, { resource: 'item 2' }] } },
    })
    expect((await call('POST', path, {})).code).toBe(400)
  })

  describe('the doorkeeper', () => {
    it('[API-8] lets nobody in without the token, and tells nobody which paths there are', async () => {
      for (const authorization of ['', 'Bearer ', 'Bearer wrong', `Basic ${token}`, `Bearer ${token}x`]) {
        const refused = await call('GET', '/api/v1/services', undefined, { authorization })
        expect(refused.code, authorization).toBe(401)
        expect(refused.headers.get('www-authenticate')).toBe('Bearer')
        expect((await call('GET', '/nowhere', undefined, { authorization })).code).toBe(401)
      }
    })

    it('answers health checks to everybody', async () => {
      for (const path of ['/healthz', '/readyz']) {
        expect((await call('GET', path, undefined, { authorization: '' })).code).toBe(200)
      }
    })

    it('keeps its token from other users', () => {
      expect(statSync(plane.addresses.tokenFile).mode & 0o777).toBe(0o600)
    })

    it('answers 404, 405 and 415 in words', async () => {
      expect(await call('GET', '/api/v1/pods')).toMatchObject({ code: 404, json: { kind: 'Status', code: 404 } })
      const method = await call('POST', `${SERVICES}/reviews`)
      expect(method).toMatchObject({
        code: 405,
        json: { message: expect.stringContaining('use GET or PUT or PATCH or DELETE') },
      })
      expect(method.headers.get('allow')).toBe('GET, PUT, PATCH, DELETE')
      const form = { 'content-type': 'application/x-www-form-urlencoded' }
      expect((await call('POST', APPLY, yaml, form)).code).toBe(415)
      expect((await call('POST', APPLY, yaml, { 'content-encoding': 'gzip' })).code).toBe(415)
    })

    it('[API-5] refuses a body that is too large, whether it tells its length or not', async () => {
      const large = 'x'.repeat(4 * 1024 * 1024 + 1)
      expect((await call('POST', APPLY, large)).code).toBe(413)
      const chunked = await new Promise<number>((resolve, reject) => {
        const sent = request(
          `${plane.addresses.rest}${APPLY}`,
          { method: 'POST', headers: { authorization: `Bearer ${token}`, 'transfer-encoding': 'chunked' } },
          response => resolve(response.statusCode ?? 0),
        )
        sent.on('error', reject)
        sent.write(large)
      })
      expect(chunked).toBe(413)
    })
  })

  describe('the rest of the API', () => {
    const at = (path: string) => call('GET', `/apis/selvedge.dev/v1/${path}`)

    it('tells what a client needs to know', async () => {
      expect((await at('info')).json).toEqual({
        version: '0.0.0-test',
        trustDomain: 'cluster.local',
        enrolment: plane.addresses.enrolment,
        discovery: plane.addresses.discovery,
        revision: 0,
      })
    })

    it('makes join tokens, and refuses wishes that it cannot grant', async () => {
      const tokens = '/apis/selvedge.dev/v1/tokens'
      const made = await call('POST', tokens, { serviceAccount: 'bookshop/reviews', uses: 3, ttlMs: 60_000 })
      expect(made).toMatchObject({ code: 201, json: { token: expect.stringMatching(/^selvedge-join\./) } })
      expect(Date.parse(String(made.json.expires)) - Date.now()).toBeLessThanOrEqual(60_000)
      expect((await call('POST', tokens, { serviceAccount: 'reviews' })).code).toBe(400)
      expect((await call('POST', tokens, { serviceAccount: 'bookshop/reviews', use: 1 })).code).toBe(400)
      expect((await call('POST', tokens, { serviceAccount: 'bookshop/reviews', uses: 0 })).code).toBe(422)
    })

    it('reads fleet, graph and traces', async () => {
      expect((await at('fleet')).json).toEqual({ revision: 0, sidecars: [] })
      expect((await at('fleet/wait?revision=0&timeoutMs=50')).json).toMatchObject({
        live: 0,
        of: 0,
        pending: [],
        nacks: [],
      })
      expect((await at('fleet/wait?revision=99&timeoutMs=50')).code).toBe(400)
      expect((await at('graph')).json).toEqual({ windowMs: 10_000, edges: [] })
      expect((await at('graph?windowMs=-1')).code).toBe(400)
      expect((await at('traces?slow=true&limit=5')).json).toEqual({ traces: [] })
      expect((await at(`traces/${'a'.repeat(32)}`)).code).toBe(404)
      expect((await at('traces/zz')).code).toBe(400)
    })

    it('has metrics on a port of their own', async () => {
      await call('POST', APPLY, yaml)
      const text = await (await fetch(`http://${plane.addresses.metrics}/metrics`)).text()
      expect(text).toContain('selvedge_control_store_revision 1')
      expect(text).toContain('selvedge_control_sidecars_connected 0')
    })
  })

  describe('a restart', () => {
    it('keeps all that was acknowledged, the token and the root, and no revision goes back', async () => {
      await call('POST', APPLY, yaml)
      await call('DELETE', `${SERVICES}/catalog`)
      const [before, tokenBefore] = [await call('GET', '/api/v1/services'), token]
      const root = readFileSync(join(dataDir, 'ca', 'ca.crt'), 'utf8')
      await restart()
      const after = (await call('GET', '/api/v1/services')).json
      expect(after.items).toEqual(before.json.items)
      const revision = Number(after.metadata.resourceVersion)
      expect(revision).toBeGreaterThanOrEqual(Number(before.json.metadata.resourceVersion))
      expect(token).toBe(tokenBefore)
      expect(readFileSync(join(dataDir, 'ca', 'ca.crt'), 'utf8')).toBe(root)
      expect((await call('POST', APPLY, yaml)).json.revision).toBeGreaterThan(revision)
    })

    it('[DATA-5] does not make a new mesh where an old one has lost its root or its store', async () => {
      await call('POST', APPLY, yaml)
      await plane.close()
      rmSync(join(dataDir, 'ca', 'ca.key'))
      await expect(start()).rejects.toThrow(/Cannot load the CA/)
      rmSync(join(dataDir, 'ca'), { recursive: true })
      await expect(start()).rejects.toThrow(/holds no CA/)
      rmSync(join(dataDir, 'selvedge.db'))
      await expect(start()).rejects.toThrow(/selvedge.db is gone/)
    })
  })

  it('names the flag of a port that is in use, and leaves nothing open', async () => {
    await plane.close()
    const other = createServer().listen(0, '127.0.0.1')
    await new Promise(resolve => other.once('listening', resolve))
    const { port } = other.address() as { port: number }
    for (const flag of ['rest-port', 'enrolment-port', 'discovery-port', 'metrics-port']) {
      await expect(start(`--${flag}=${port}`)).rejects.toThrow(new RegExp(`another program does.*--${flag}`))
    }
    other.close()
    await start()
  })

  it('speaks TLS alone when others can reach it', async () => {
    await plane.close()
    await start('--host', '0.0.0.0')
    expect(plane.addresses.rest).toMatch(/^https:/)
    const { port } = new URL(plane.addresses.rest)
    await expect(fetch(`http://127.0.0.1:${port}/healthz`)).rejects.toThrow()
    const code = await new Promise<number | undefined>((resolve, reject) => {
      const ca = readFileSync(join(dataDir, 'ca', 'ca.crt'))
      const options = { host: '127.0.0.1', port, path: '/healthz', ca, servername: CONTROL_PLANE_DNS_NAME }
      get(options, response => resolve(response.resume().statusCode)).on('error', reject)
    })
    expect(code).toBe(200)
  })
})
