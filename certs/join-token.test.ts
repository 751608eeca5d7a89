import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatJoinToken, parseJoinToken } from './mod.ts'

const token = { id: 'k3j9x0', secret: Buffer.alloc(32, 7), caPin: 'ab'.repeat(32) }

function withBody(body: unknown): string {
  return `selvedge-join.${Buffer.from(JSON.stringify(body)).toString('base64url')}`
}

describe("a join token's text", () => {
  it('gives back what was written', () => {
    expect(parseJoinToken(formatJoinToken(token))).toEqual({ ok: true, value: token })
    const any = fc.record({
      id: fc.stringMatching(/^[a-z0-9]{1,64}$/),
      secret: fc.uint8Array({ minLength: 32, maxLength: 32 }).map(bytes => Buffer.from(bytes)),
      caPin: fc.stringMatching(/^[0-9a-f]{64}$/),
    })
    fc.assert(
      fc.property(any, value => {
        expect(parseJoinToken(formatJoinToken(value))).toEqual({ ok: true, value })
      }),
    )
  })

  it('that was cut off or altered is refused', () => {
    const text = formatJoinToken(token)
    for (const wrong of ['', 'selvedge-join.', text.slice(0, -10), text.slice(1), `${text} `, text.replace('.', ':')]) {
      expect(parseJoinToken(wrong).ok).toBe(false)
    }
    const body = { id: token.id, secret: token.secret.toString('base64url'), pin: token.caPin }
    expect(parseJoinToken(withBody(body)).ok).toBe(true)
    expect(parseJoinToken(withBody({ ...body, id: '../x' })).ok).toBe(false)
    expect(parseJoinToken(withBody({ ...body, pin: 'AB' })).ok).toBe(false)
    expect(parseJoinToken(withBody({ ...body, secret: 'c2hvcnQ' })).ok).toBe(false)
    expect(parseJoinToken(withBody(null)).ok).toBe(false)
    expect(parseJoinToken(withBody([])).ok).toBe(false)
  })

  it('is never repeated in an error, for it may be a secret with a slip', () => {
    const text = formatJoinToken(token).slice(0, -3)
    const parsed = parseJoinToken(text)
    expect(!parsed.ok && parsed.error).not.toContain(text.slice(20, 40))
  })

  it('is read without throwing, whatever it is', () => {
    fc.assert(fc.property(fc.string(), text => !parseJoinToken(text).ok))
    fc.assert(fc.property(fc.string(), text => !parseJoinToken(`selvedge-join.${text}`).ok))
    fc.assert(fc.property(fc.json(), json => !parseJoinToken(withBody(json)).ok))
  })
})
