import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { DOORS, type Edge, expectCounted, expectInOrder, expectRefusal, startEdge } from './kit.ts'
import { MALFORMED } from './malformed-requests.ts'

// CHECKLIST, H1: what is refused for what it looks like, at both doors, over real sockets.

/** `[H1-1] [H1-2]`: the lines of the checklist that the titles name. */
function numbersOf(cases: readonly { readonly title: string }[]): string {
  return [...new Set(cases.map(({ title }) => /^\[[^\]]+\]/.exec(title)?.[0]))].join(' ')
}

let edge: Edge
beforeAll(async () => {
  edge = await startEdge()
})
afterAll(() => edge.close())

describe.each(DOORS)('at the door for %ss, a request is refused, whole: with', door => {
  test.each(MALFORMED)('$title', async ({ pieces, refusal }) => {
    await expectRefusal(edge, door, pieces, refusal)
  })

  test('[H1-23] a CONNECT and bytes before our answer to it', async () => {
    const pieces = ['CONNECT app:80 HTTP/1.1\r\nHost: app:80\r\n\r\nGET / HTTP/1.1\r\n']
    const why = /bytes before the answer to a CONNECT/
    await expectRefusal(edge, door, pieces, { status: 400, cause: 'bad-request', why })
  })
})

test('[H1-23] CONNECT to the inbound port: 405', async () => {
  const pieces = ['CONNECT app:80 HTTP/1.1\r\nHost: app:80\r\n\r\n']
  await expectRefusal(edge, 'peer', pieces, { status: 405, cause: 'bad-request', why: /CONNECT is not served here/ })
})

test(`${numbersOf(MALFORMED)}: each refusal was counted, once`, async () => {
  await expectCounted(edge)
  expect(edge.refusals.peer).toBeGreaterThan(MALFORMED.length)
})

test('nothing broke, and nothing is left under way', async () => {
  await expectInOrder(edge)
  expect(edge.application.heard).not.toContain('Host: other')
})
