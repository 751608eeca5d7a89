import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { formatJoinToken, makeCsr, makeKeyPair, parseJoinToken } from '../../../certs/mod.ts'
import { type Fleet, startFleet } from './fleet.ts'
import { enrol } from './grpc-client.ts'

// Join tokens at the enrolment port, 15010: server TLS alone, so that the token is all that speaks for who asks.

const WEB = 'spiffe://mesh.test/ns/shop/sa/web'
const keys = makeKeyPair()
const csr = makeCsr({ privateKeyPem: keys.privateKeyPem, spiffeId: WEB })

let fleet: Fleet
let n = 0
beforeAll(async () => {
  fleet = await startFleet()
})
afterAll(() => fleet.close())

/** One enrolment of a workload that has not asked before. */
function ask(joinToken: string, request = csr) {
  return enrol(fleet, { csr: request, joinToken, workload: `shop/web-${n++}` })
}

function parsed(token: string) {
  const parts = parseJoinToken(token)
  if (!parts.ok) throw new Error(parts.error)
  return parts.value
}

describe('[API-1] a join token', () => {
  test('replayed: 401, however many come at the same moment', async () => {
    const token = await fleet.token('shop/web', { uses: 3 })
    const answers = await Promise.all(Array.from({ length: 8 }, () => ask(token)))
    expect(answers.filter(({ outcome }) => outcome === 'OK')).toHaveLength(3)
    for (const { outcome, details, chain } of answers) {
      if (outcome === 'OK') continue
      expect({ outcome, chain }).toEqual({ outcome: 'UNAUTHENTICATED', chain: [] })
      expect(details).toContain('used up')
    }
    expect(await ask(token)).toMatchObject({ outcome: 'UNAUTHENTICATED' })
  })

  test('is good for one sidecar where nothing else is said', async () => {
    const token = await fleet.token('shop/web')
    expect((await ask(token)).outcome).toBe('OK')
    expect((await ask(token)).outcome).toBe('UNAUTHENTICATED')
  })

  test('expired: 401', async () => {
    const token = await fleet.token('shop/web', { uses: 5, ttlMs: 1_000 })
    expect((await ask(token)).outcome).toBe('OK')
    await new Promise(resolve => setTimeout(resolve, 1_050))
    expect(await ask(token)).toMatchObject({
      outcome: 'UNAUTHENTICATED',
      details: expect.stringContaining('has expired'),
    })
  })

  test('made for the CA of another mesh: 401, though its name and secret are ours', async () => {
    const token = parsed(await fleet.token('shop/web'))
    expect(await ask(formatJoinToken({ ...token, caPin: 'ab'.repeat(32) }))).toMatchObject({
      outcome: 'UNAUTHENTICATED',
      details: expect.stringContaining('for the CA of another mesh'),
    })
    // And cost no use.
    expect((await ask(formatJoinToken(token))).outcome).toBe('OK')
  })

  test('unknown, with another secret, cut off, or none at all: 401', async () => {
    const token = parsed(await fleet.token('shop/web'))
    const texts = [
      formatJoinToken({ ...token, id: 'unknown' }),
      formatJoinToken({ ...token, secret: Buffer.alloc(32) }),
      formatJoinToken(token).slice(0, -3),
      'x'.repeat(5_000),
      '',
    ]
    for (const text of texts) expect((await ask(text)).outcome).toBe('UNAUTHENTICATED')
    expect((await enrol(fleet, { csr })).outcome).toBe('UNAUTHENTICATED')
    expect((await ask(formatJoinToken(token))).outcome).toBe('OK')
  })

  test('of another service account: 403, and no use is taken', async () => {
    const token = await fleet.token('shop/payments')
    expect(await ask(token)).toMatchObject({ outcome: 'PERMISSION_DENIED', chain: [] })
    const own = makeCsr({ privateKeyPem: keys.privateKeyPem, spiffeId: WEB.replace('/web', '/payments') })
    expect((await ask(token, own)).outcome).toBe('OK')
  })

  test.each([[{ uses: 0 }], [{ uses: 10_001 }], [{ uses: 1.5 }], [{ ttlMs: 999 }], [{ ttlMs: 366 * 86_400_000 }]])(
    'is bounded in uses and time: %j is refused when it is made',
    async limits => {
      const { code } = await fleet.call('POST', '/apis/selvedge.dev/v1/tokens', {
        serviceAccount: 'shop/web',
        ...limits,
      })
      expect(code).toBe(422)
    },
  )

  test('cannot be made for the control plane itself', async () => {
    const serviceAccount = 'selvedge-system/control-plane'
    expect((await fleet.call('POST', '/apis/selvedge.dev/v1/tokens', { serviceAccount })).code).toBe(422)
  })

  test('is kept as a hash: its secret is nowhere in the data folder', async () => {
    const { secret, id } = parsed(await fleet.token('shop/web'))
    const folder = join(fleet.dir, 'data')
    const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile())
    const bytes = files.map(entry => readFileSync(join(entry.parentPath, entry.name)))
    expect(bytes.some(content => content.includes(id))).toBe(true)
    for (const form of [secret, ...(['hex', 'base64', 'base64url'] as const).map(each => secret.toString(each))]) {
      expect(bytes.some(content => content.includes(form))).toBe(false)
    }
  })

  test('is listed without its secret while it holds, and admits nobody once it is revoked', async () => {
    const path = '/apis/selvedge.dev/v1/tokens'
    const listed = async () =>
      ((await fleet.call('GET', path)).json as { readonly tokens: readonly Readonly<Record<string, unknown>>[] }).tokens
    const text = await fleet.token('shop/web', { uses: 3 })
    const { id } = parsed(text)
    expect((await ask(text)).outcome).toBe('OK')
    expect((await listed()).filter(token => token.id === id)).toEqual([
      {
        ...{ id, serviceAccount: 'shop/web', usesLeft: 2 },
        ...{ created: expect.any(String), expires: expect.any(String) },
      },
    ])
    expect(await fleet.call('DELETE', `${path}/${id}`)).toMatchObject({ code: 200, json: { id, usesLeft: 2 } })
    expect(await ask(text)).toMatchObject({ outcome: 'UNAUTHENTICATED', details: expect.stringContaining('unknown') })
    expect((await listed()).some(token => token.id === id)).toBe(false)
    expect(await fleet.call('DELETE', `${path}/${id}`)).toMatchObject({
      code: 404,
      json: { message: expect.stringMatching(/^Cannot revoke the join token .*: there is none that holds\./) },
    })
    // What is used up, or over, holds no more.
    const once = await fleet.token('shop/web')
    expect((await ask(once)).outcome).toBe('OK')
    const short = await fleet.token('shop/web', { ttlMs: 1_000 })
    expect((await listed()).some(token => token.id === parsed(short).id)).toBe(true)
    await new Promise(resolve => setTimeout(resolve, 1_050))
    const ids = (await listed()).map(token => token.id)
    expect(ids).not.toContain(parsed(once).id)
    expect(ids).not.toContain(parsed(short).id)
  })
})
