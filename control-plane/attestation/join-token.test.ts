import { describe, expect, it } from 'vitest'
import { formatJoinToken, parseJoinToken } from '../../certs/mod.ts'
import { fakeTokenRecords } from '../../test/fakes/token-records.ts'
import { attestJoinToken, createJoinToken } from './mod.ts'

const caPin = 'ab'.repeat(32)
const wish = { namespace: 'bookshop', serviceAccount: 'reviews', caPin }

function fixture() {
  let nowMs = 1_000_000
  const clock = { nowMs: () => nowMs, wallMs: () => nowMs }
  const records = fakeTokenRecords()
  return {
    records,
    clock,
    advance: (ms: number) => {
      nowMs += ms
    },
    create: async (more: object = {}) => {
      const made = await createJoinToken(records, { ...wish, ...more }, clock)
      if (!made.ok) throw new Error(made.error)
      return made.value
    },
    attest: (text: string) => attestJoinToken(records, text, caPin, clock),
  }
}

function refused(why: string) {
  return { ok: false, error: expect.stringContaining(why) }
}

describe('a join token', () => {
  it('admits the one identity that it was made for', async () => {
    const { create, attest } = fixture()
    const { text } = await create()
    expect(await attest(text)).toMatchObject({ ok: true, value: { namespace: 'bookshop', serviceAccount: 'reviews' } })
  })

  it('carries the pin of the root', async () => {
    const parsed = parseJoinToken((await fixture().create()).text)
    expect(parsed.ok && parsed.value.caPin).toBe(caPin)
  })

  it('is kept without its secret', async () => {
    const { create, records } = fixture()
    const { text } = await create()
    const parsed = parseJoinToken(text)
    const kept = JSON.stringify(await records.list())
    for (const form of ['base64url', 'base64', 'hex'] as const) {
      expect(parsed.ok && kept.includes(parsed.value.secret.toString(form))).toBe(false)
    }
  })

  it('admits as often as it has uses, and then no more', async () => {
    const { create, attest } = fixture()
    const { text } = await create({ uses: 2 })
    for (let use = 0; use < 2; use++) {
      const attested = await attest(text)
      expect(attested.ok && (await attested.value.redeem())).toBe(true)
    }
    expect(await attest(text)).toEqual(refused('used up'))
  })

  it('with one use admits only one of two callers at the same time', async () => {
    const { create, attest } = fixture()
    const { text } = await create()
    const [a, b] = await Promise.all([attest(text), attest(text)])
    const redeemed = await Promise.all([a.ok && a.value.redeem(), b.ok && b.value.redeem()])
    expect(redeemed.sort()).toEqual([false, true])
  })

  it('admits until just before it expires', async () => {
    const { create, attest, advance } = fixture()
    const { text } = await create({ lifeMs: 60_000 })
    advance(59_999)
    const attested = await attest(text)
    expect(attested.ok).toBe(true)
    advance(1)
    expect(await attest(text)).toEqual(refused('expired'))
    expect(attested.ok && (await attested.value.redeem())).toBe(false)
  })

  it('that is unknown, withdrawn, or has another secret is refused in the same words', async () => {
    const { create, attest, records } = fixture()
    const { text, record } = await create()
    const forged = formatJoinToken({ id: record.id, secret: Buffer.alloc(32), caPin })
    const unknown = formatJoinToken({ id: 'nobody', secret: Buffer.alloc(32), caPin })
    expect(await attest(forged)).toEqual(refused('unknown'))
    expect(await attest(unknown)).toEqual(await attest(forged))
    await records.remove(record.id)
    expect(await attest(text)).toEqual(await attest(forged))
  })

  it('that is no token is refused', async () => {
    expect(await fixture().attest('password')).toEqual(refused('copy it whole'))
  })

  it('is not made for the control plane, for what is no name, or without bounds', async () => {
    const { records, clock } = fixture()
    for (const wrong of [
      { namespace: 'selvedge-system', serviceAccount: 'control-plane' },
      { namespace: 'Bookshop' },
      { serviceAccount: 'a/b' },
      { lifeMs: 0 },
      { lifeMs: Number.NaN },
      { lifeMs: 366 * 86_400_000 },
      { uses: 0 },
      { uses: 1.5 },
      { uses: 10_001 },
    ]) {
      expect((await createJoinToken(records, { ...wish, ...wrong }, clock)).ok).toBe(false)
    }
    expect(await records.list()).toEqual([])
    expect((await createJoinToken(records, { ...wish, uses: 10_000, lifeMs: 365 * 86_400_000 }, clock)).ok).toBe(true)
  })
})
