import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { kindOf, MeshApi } from './mod.ts'

let server: Server | undefined
let api: MeshApi | undefined

afterEach(async () => {
  await api?.close()
  server?.closeAllConnections()
  server?.close()
})

/** The API of a server that gives one answer to everything. */
async function apiOf(status: number, body: string): Promise<MeshApi> {
  const answering = createServer((_, response) => response.writeHead(status).end(body))
  server = answering
  await new Promise<void>(resolve => answering.listen(0, '127.0.0.1', resolve))
  const { port } = answering.address() as AddressInfo
  api = new MeshApi({ url: `http://127.0.0.1:${port}`, token: undefined })
  return api
}

describe('a server that is no control plane', () => {
  test.each([
    ['a page', 200, '<html>Welcome</html>'],
    ['nothing', 204, ''],
    ['null', 200, 'null'],
    ['a list', 200, '[]'],
    ['another object', 200, '{"status":"ok"}'],
    ['a page that is not there', 404, '<html>Not found</html>'],
    ['an error without words', 502, ''],
    ['a redirect', 302, ''],
  ])('that answers with %s is told as one', async (_, status, body) => {
    const answer = (await apiOf(status, body)).graph(0)
    await expect(answer).rejects.toThrow(/^Cannot use http:\/\/127\.0\.0\.1:\d+: .*\. See that --server/)
  })

  test('is not taken for one that lacks the resource', async () => {
    const found = (await apiOf(404, '<html>')).find(kindOf('service'), 'a', 'b')
    await expect(found).rejects.toThrow(/^Cannot use /)
  })
})

describe('a control plane', () => {
  test('is believed', async () => {
    expect(await (await apiOf(200, '{"windowMs":0,"edges":[]}')).graph(0)).toEqual({ windowMs: 0, edges: [] })
  })

  test('refuses in its own words', async () => {
    const answer = (await apiOf(503, '{"kind":"Status","message":"Cannot write: full."}')).graph(0)
    await expect(answer).rejects.toThrow(/^Cannot write: full\.$/)
  })
})

describe('a wait for a revision', () => {
  const answer = (pending: readonly string[]) =>
    JSON.stringify({ live: 1, of: 1 + pending.length, elapsedMs: 7, pending, nacks: [] })

  test('of longer than the control plane lets anybody wait is asked for in parts', async () => {
    const asked: (string | null)[] = []
    const answering = createServer(({ url = '' }, response) => {
      asked.push(new URL(url, 'http://a').searchParams.get('timeoutMs'))
      response.end(answer(asked.length < 3 ? ['a/b'] : []))
    })
    server = answering
    await new Promise<void>(resolve => answering.listen(0, '127.0.0.1', resolve))
    api = new MeshApi({ url: `http://127.0.0.1:${(answering.address() as AddressInfo).port}`, token: undefined })
    // More than timers take at a time, too.
    expect(await api.wait(7, 9_999 * 3_600_000)).toMatchObject({ live: 1, pending: [], elapsedMs: 240_007 })
    expect(asked).toEqual(['120000', '120000', '120000'])
  })

  test('ends with what is known when its time is over', async () => {
    expect(await (await apiOf(200, answer(['a/b']))).wait(7, 150_000)).toMatchObject({ of: 2, pending: ['a/b'] })
  })
})
