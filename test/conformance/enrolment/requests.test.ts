import { generateKeyPairSync } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeCsr, makeCsrOf, makeKeyPair, parseCertificate } from '../../../certs/mod.ts'
import { csrWith, requestFor } from '../csr.ts'
import { weakKeys } from '../pki.ts'
import { type Fleet, startFleet } from './fleet.ts'
import { enrol } from './grpc-client.ts'

// What a caller with a good join token may ask to be signed: its own identity, and nothing beside it.

const WEB = 'spiffe://mesh.test/ns/shop/sa/web'
const { privateKeyPem } = makeKeyPair()

let fleet: Fleet
let token = ''
let n = 0
beforeAll(async () => {
  fleet = await startFleet()
  token = await fleet.token('shop/web', { uses: 3 })
})
afterAll(() => fleet.close())

async function issued(): Promise<number> {
  return Number(/selvedge_control_csr_total\{result="issued"\} ([0-9]+)/.exec(await fleet.metrics())?.[1] ?? 0)
}

/** Nothing of it is signed, and it costs no use of the token; what is asked for properly is signed after it. */
async function refuses(csr: Buffer, outcome: 'PERMISSION_DENIED' | 'INVALID_ARGUMENT', why: RegExp): Promise<void> {
  const before = await issued()
  const answer = await enrol(fleet, { csr, joinToken: token, workload: `shop/web-${n++}` })
  expect(answer).toMatchObject({ outcome, chain: [] })
  expect(answer.details).toMatch(why)
  expect(await issued()).toBe(before)
}

describe('[API-2] a signing request', () => {
  test.each<[string, Buffer, RegExp]>([
    ['for another identity', makeCsr({ privateKeyPem, spiffeId: `${WEB}-2` }), /its sender is/],
    [
      "for the control plane's identity",
      makeCsr({ privateKeyPem, spiffeId: 'spiffe://mesh.test/ns/selvedge-system/sa/control-plane' }),
      /its sender is/,
    ],
    ['for the trust domain itself', makeCsr({ privateKeyPem, spiffeId: 'spiffe://mesh.test' }), /its sender is/],
    ['for another trust domain', makeCsr({ privateKeyPem, spiffeId: WEB.replace('mesh.test', 'evil.test') }), /sender/],
    ['for a CA, by constraint', csrWith({ privateKeyPem, id: WEB, asks: 'ca' }), /asks for a CA/],
    ['for a CA, by key usage', csrWith({ privateKeyPem, id: WEB, asks: 'keyCertSign' }), /asks for a CA/],
    ['with a second URI', requestFor(privateKeyPem, [WEB, `${WEB}-2`], []), /names 2 URIs/],
    ['with its own URI twice', requestFor(privateKeyPem, [WEB, WEB], []), /names 2 URIs/],
    ['with no URI', requestFor(privateKeyPem, [], ['web.shop']), /names 0 URIs/],
    ['with a DNS name', requestFor(privateKeyPem, [WEB], ['payments.shop']), /more than a SPIFFE ID/],
    ['with an e-mail name', csrWith({ privateKeyPem, id: WEB, asks: 'email' }), /more than a SPIFFE ID/],
  ])('%s: 403, and none of it is signed', async (_, csr, why) => {
    await refuses(csr, 'PERMISSION_DENIED', why)
  })

  test('whatever else it says in its subject, gets what the control plane writes and nothing of that', async () => {
    const csr = csrWith({ privateKeyPem, id: WEB, asks: 'subject' })
    const { outcome, chain } = await enrol(fleet, { csr, joinToken: token, workload: 'shop/web-ok' })
    expect(outcome).toBe('OK')
    expect(parseCertificate(chain[0] ?? Buffer.alloc(0))).toMatchObject({
      ok: true,
      value: { subjectEmpty: true, uriSans: [WEB], isCa: false, keyUsage: ['digitalSignature'] },
    })
  })
})

describe('[API-3] a signing request', () => {
  const stolen = makeCsr({ privateKeyPem, spiffeId: WEB })
  const other = generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey
  test.each<[string, Buffer, RegExp]>([
    ['whose signature is of another key', csrWith({ privateKeyPem, id: WEB, signer: other }), /does not verify/],
    ['in which one bit of the signature was changed', flipped(stolen, stolen.length - 1), /does not verify|not DER/],
    ['with a key of RSA with 1024 bits', weakRequest('rsa-1024'), /weak/],
    ['with a key on secp224r1', weakRequest('secp224r1'), /weak/],
    ['that is no ASN.1', Buffer.from('nothing of the kind'), /not DER/],
    ['that is empty', Buffer.alloc(0), /not DER|missing/],
    ['of 17 KiB', makeCsrOf({ privateKeyPem, uriSans: [WEB, 'x'.repeat(17_000)], dnsSans: [] }), /at most 16384/],
    ['nested 8,000 deep', Buffer.from(Array.from({ length: 8_000 }, () => [0x30, 0x80]).flat()), /not DER/],
  ])('%s: 400', async (_, csr, why) => {
    await refuses(csr, 'INVALID_ARGUMENT', why)
  })

  test('of 1 MB of ASN.1: refused unread, by the limit of the port', async () => {
    const before = await issued()
    const csr = Buffer.concat(Array.from({ length: 200_000 }, () => Buffer.from([0x30, 3, 2, 1, 1])))
    const { outcome, chain } = await enrol(fleet, { csr, joinToken: token, workload: 'shop/web-big' })
    expect({ outcome, chain }).toEqual({ outcome: 'RESOURCE_EXHAUSTED', chain: [] })
    expect(await issued()).toBe(before)
    expect((await enrol(fleet, { csr: stolen, joinToken: token, workload: 'shop/web-after' })).outcome).toBe('OK')
  })
})

function weakRequest(kind: Parameters<typeof weakKeys>[0]): Buffer {
  return csrWith({ privateKeyPem: weakKeys(kind).privateKeyPem, id: WEB, rsa: kind === 'rsa-1024' })
}

function flipped(bytes: Buffer, at: number): Buffer {
  const changed = Buffer.from(bytes)
  changed[at] = (changed[at] ?? 0) ^ 1
  return changed
}
