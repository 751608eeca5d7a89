import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { wire } from './client.ts'
import { type Mesh, type SidecarUnderTest, startMesh, until } from './mesh.ts'

// What is left when more is used than is remembered.

/** As in sidecar/outbound/destinations.ts: hosts outside the mesh that are remembered. */
const EXTERNAL_MAX = 256

let mesh: Mesh
let web: SidecarUnderTest

beforeAll(async () => {
  mesh = startMesh()
  web = await mesh.sidecar('web')
})
afterAll(() => mesh.close())

test('connections to hosts that were forgotten while they were being made are not kept for ever', async () => {
  let [open, most] = [0, 0]
  const server = createServer(socket => {
    most = Math.max(most, ++open)
    socket.on('close', () => open--)
    socket.on('error', () => undefined)
    socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'))
  })
  server.listen(0, '0.0.0.0')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const hosts = Array.from({ length: EXTERNAL_MAX + 100 }, (_, i) => `127.0.${1 + (i >> 7)}.${1 + (i & 127)}:${port}`)
  const callers = hosts.map(() => wire(web.outbound))
  await Promise.all(callers.map(({ socket }) => once(socket, 'connect')))
  await until(async () =>
    (await web.page('/metrics')).includes(`selvedge_connections_active{direction="outbound"} ${hosts.length}`),
  )
  // All at once, so that the first are still connecting when the last come.
  for (const [i, caller] of callers.entries()) caller.send(`GET / HTTP/1.1\r\nHost: ${hosts[i]}\r\n\r\n`)
  await Promise.all(callers.map(caller => caller.match(/200 OK[^]*ok$/)))
  for (const { socket } of callers) socket.destroy()
  expect(most).toBe(hosts.length)
  // Those that are kept are closed after three and a half seconds of nothing.
  await until(() => open <= EXTERNAL_MAX)
  await new Promise(resolve => setTimeout(resolve, 4_000))
  await until(() => open === 0)
  server.close()
}, 20_000)
