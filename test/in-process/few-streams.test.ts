import { createServer, type Http2Server } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ask } from './client.ts'
import { type Mesh, type SidecarUnderTest, startMesh } from './mesh.ts'
import { service, workload } from './resources.ts'

// A server of HTTP/2 that takes few streams on a connection, and says so when the connection is there.

const STREAMS = 4

let mesh: Mesh
let web: SidecarUnderTest
let server: Http2Server
let most = 0
let held = 0

beforeAll(async () => {
  mesh = startMesh()
  server = createServer({ settings: { maxConcurrentStreams: STREAMS } }, (request, response) => {
    held++
    most = Math.max(most, held)
    request.resume()
    setTimeout(() => {
      held--
      response.end(String(request.headers['x-id']))
    }, 20)
  })
  await new Promise<void>(resolve => void server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  web = await mesh.sidecar('web', {
    resources: [
      workload('few', { labels: { app: 'few' }, port, protocol: 'http2' }),
      service('few', { app: 'few' }, 80, 'http2'),
    ],
  })
})
afterAll(async () => {
  await mesh.close()
  server.close()
})

test.each([1, 2, 3])('many requests at once are all served, though most come too early (round %i)', async () => {
  const answers = await Promise.all(
    Array.from({ length: 120 }, (_, n) =>
      ask(web.outbound, 'http://few/', { method: n % 2 === 0 ? 'GET' : 'POST', headers: { 'x-id': String(n) } }),
    ),
  )
  expect(answers.map(({ status, body }) => `${status} ${body}`)).toEqual(answers.map((_, n) => `200 ${n}`))
  expect(most).toBeGreaterThan(STREAMS)
})
