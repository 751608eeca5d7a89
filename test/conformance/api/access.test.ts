import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Json, MESH, Plane, ROUTES, route, SERVICES, service } from './plane.ts'

interface Token {
  readonly id: string
  readonly token: string
}

describe('[API-8] the API', () => {
  let plane: Plane
  beforeEach(async () => {
    plane = new Plane()
    await plane.start()
  })
  afterEach(() => plane.close())
  const as = (token: string) => ({ authorization: `Bearer ${token}` })
  async function tokenOf(role: 'read' | 'write', more: object = {}): Promise<Token> {
    const { code, json } = await plane.call('POST', `${MESH}/apitokens`, { name: 'eve', role, ...more })
    expect(code).toBe(201)
    return json as unknown as Token
  }
  const audit = async (query = '') => (await plane.call('GET', `${MESH}/audit?${query}`)).json.items as Json[]

  /** Every way to write that there is. */
  const WRITES: readonly (readonly [method: string, path: string, body?: unknown])[] = [
    ['POST', SERVICES, service('b')],
    ['PUT', `${SERVICES}/a`, service('a', { x: 'y' })],
    ['PATCH', `${SERVICES}/a`, {}],
    ['DELETE', `${SERVICES}/a`],
    ['POST', ROUTES, route('a')],
    ['POST', `${MESH}/apply`, { resources: [service('b')] }],
    ['POST', `${MESH}/apply?dryRun=All`, { resources: [service('b')] }],
    ['POST', `${MESH}/delete`, { resources: [] }],
    ['POST', `${MESH}/rollback`, { revision: 1 }],
    ['POST', `${MESH}/tokens`, { serviceAccount: 'a/b' }],
    ['POST', `${MESH}/apitokens`, { name: 'a', role: 'write' }],
    ['DELETE', `${MESH}/apitokens/abc`],
    ['DELETE', `${MESH}/tokens/abc`],
  ]

  it('answers 401 without a token, and says no more', async () => {
    await plane.apply(service('a'))
    for (const [method, path, body] of [
      ...WRITES,
      ['GET', SERVICES],
      ['GET', `${SERVICES}?watch=true`],
    ] as typeof WRITES) {
      for (const headers of [
        { authorization: '' },
        as('wrong'),
        as(`selvedge-api.${'0'.repeat(12)}.${'A'.repeat(43)}`),
      ]) {
        const refused = await plane.call(method, path, body, headers)
        expect(refused.code, `${method} ${path}`).toBe(401)
        expect(refused.headers.get('www-authenticate')).toBe('Bearer')
      }
    }
    expect((await plane.call('GET', SERVICES)).json.items).toHaveLength(1)
  })

  it('answers 403 to each write with a read-only token, writes nothing, and lets it read', async () => {
    await plane.apply(service('a'))
    const { token } = await tokenOf('read')
    const before = await audit()
    for (const [method, path, body] of WRITES) {
      const refused = await plane.call(method, path, body, as(token))
      expect(refused, `${method} ${path}`).toMatchObject({ code: 403, json: { reason: 'Forbidden' } })
    }
    expect(await audit()).toEqual(before)
    for (const path of [SERVICES, `${SERVICES}/a`, `${MESH}/audit`, `${MESH}/fleet`, '/apis', '/openapi.json']) {
      expect((await plane.call('GET', path, undefined, as(token))).code, path).toBe(200)
    }
  })

  it('does not read the body of a write that may not be', async () => {
    const { token } = await tokenOf('read')
    const large = 'x'.repeat(8 * 1024 * 1024)
    expect((await plane.call('POST', `${MESH}/apply`, large, as(token)).catch(() => ({ code: 403 }))).code).toBe(403)
  })

  it('knows a token by its hash, until it ends or is revoked', async () => {
    const { id, token } = await tokenOf('write', { ttlMs: 3_600_000 })
    const write = (name: string, bearer: string) => plane.call('POST', SERVICES, service(name), as(bearer))
    expect((await write('a', token)).code).toBe(201)
    await plane.restart()
    expect((await write('b', token)).code).toBe(201)
    const listed = (await plane.call('GET', `${MESH}/apitokens`)).json.tokens as Json[]
    expect(listed).toMatchObject([{ id, name: 'eve', role: 'write' }])
    expect(JSON.stringify(listed)).not.toContain(token.split('.')[2])
    expect((await plane.call('DELETE', `${MESH}/apitokens/${id}`)).code).toBe(200)
    expect((await write('c', token)).code).toBe(401)
    expect((await plane.call('DELETE', `${MESH}/apitokens/${id}`)).code).toBe(404)
    const brief = await tokenOf('write', { ttlMs: 1_000 })
    expect((await write('d', brief.token)).code).toBe(201)
    let code = 201
    for (let n = 0; code === 201; n++) code = (await write(`e${n}`, brief.token)).code
    expect(code).toBe(401)
  })

  it('keeps no secret in its database', async () => {
    const { token } = await tokenOf('read')
    const secret = token.split('.')[2] ?? ''
    await plane.stop()
    const database = new DatabaseSync(join(plane.dataDir, 'selvedge.db'), { readOnly: true })
    const rows = JSON.stringify(['api_tokens', 'audit'].map(table => database.prepare(`SELECT * FROM ${table}`).all()))
    database.close()
    expect(rows).toContain('eve')
    expect(rows).not.toContain(secret)
  })

  it('refuses tokens that it cannot make, in words', async () => {
    for (const wish of [
      {},
      { name: 'a' },
      { name: 'a', role: 'admin' },
      { name: 'a', role: 'read', uses: 1 },
      { name: 'a', role: 'read', ttlMs: '1' },
    ]) {
      expect((await plane.call('POST', `${MESH}/apitokens`, wish)).code, JSON.stringify(wish)).toBe(400)
    }
    for (const wish of [{ name: 'a b' }, { name: '' }, { name: 'a', ttlMs: 0 }, { name: 'a', ttlMs: 1e12 }]) {
      const { code, json } = await plane.call('POST', `${MESH}/apitokens`, { role: 'read', ...wish })
      expect({ code, message: json.message }).toEqual({
        code: 422,
        message: expect.stringMatching(/^Cannot make the token: /),
      })
    }
  })

  it('leaves an audit record of each write: who, what, when, before and after', async () => {
    const { token } = await tokenOf('write')
    const begun = Date.now()
    await plane.call('POST', SERVICES, service('a'), as(token))
    await plane.call('PUT', `${SERVICES}/a`, service('a', { v: '2' }))
    await plane.call(
      'PATCH',
      `${SERVICES}/a`,
      { metadata: { labels: { v: '3' } } },
      { 'content-type': 'application/merge-patch+json' },
    )
    await plane.call('DELETE', `${SERVICES}/a`)
    await plane.call('POST', `${MESH}/rollback`, { revision: 4 })
    const labels = (v?: string) => ({ metadata: { labels: v === undefined ? {} : { v } } })
    const records = await audit('subject=Service%20bookshop/a')
    expect(records).toMatchObject([
      { actor: 'admin', action: 'created', revision: 5, before: null, after: labels('3') },
      { actor: 'admin', action: 'deleted', revision: 4, before: labels('3'), after: null },
      { actor: 'admin', action: 'configured', revision: 3, before: labels('2'), after: labels('3') },
      { actor: 'admin', action: 'configured', revision: 2, before: labels(), after: labels('2') },
      { actor: 'token eve', action: 'created', revision: 1, before: null, after: labels() },
    ])
    for (const { at } of records) {
      expect(Date.parse(String(at))).toBeGreaterThanOrEqual(begun)
      expect(Date.parse(String(at))).toBeLessThanOrEqual(Date.now())
    }
    await plane.call('POST', `${MESH}/tokens`, { serviceAccount: 'bookshop/reviews' })
    const { id } = await tokenOf('read')
    await plane.call('DELETE', `${MESH}/apitokens/${id}`)
    const join = await plane.call('POST', `${MESH}/tokens`, { serviceAccount: 'bookshop/reviews' })
    await plane.call('DELETE', `${MESH}/tokens/${String(join.json.id)}`)
    expect((await audit('limit=5')).map(({ action }) => action)).toEqual([
      'token-revoked',
      'token-created',
      'api-token-revoked',
      'api-token-created',
      'token-created',
    ])
  })

  it('tells the audit log in pages, the newest first', async () => {
    for (let n = 0; n < 7; n++) await plane.apply(service('a', { n: String(n) }))
    const seen: unknown[] = []
    let query = 'limit=3&subject=Service%20bookshop/a'
    while (query !== '') {
      const { json } = await plane.call('GET', `${MESH}/audit?${query}`)
      seen.push(...(json.items as Json[]).map(({ revision }) => revision))
      const next = json.metadata.continue
      query = next === undefined ? '' : `limit=3&subject=Service%20bookshop/a&continue=${next}`
    }
    expect(seen).toEqual([7, 6, 5, 4, 3, 2, 1])
    expect(await audit('revision=4')).toMatchObject([{ revision: 4 }])
    for (const wrong of ['limit=0', 'limit=1001', 'continue=x', 'revision=x', 'who=me']) {
      expect((await plane.call('GET', `${MESH}/audit?${wrong}`)).code, wrong).toBe(400)
    }
  })
})
