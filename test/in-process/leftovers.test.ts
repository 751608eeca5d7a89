import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { wire } from './client.ts'
import { sendMany } from './load.ts'
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
  let open = 0
  const server = createServer(socket => {
    open++
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
  await Promise.all(callers.map(caller => caller.match(/\r\n\r\nok$/)))
  for (const { socket } of callers) socket.destroy()
  expect(open).toBeGreaterThanOrEqual(EXTERNAL_MAX)
  // Those that are kept are closed after three and a half seconds of nothing.
  await until(() => open <= EXTERNAL_MAX)
  await new Promise(resolve => setTimeout(resolve, 4_000))
  await until(() => open === 0)
  server.close()
}, 20_000)

test('what is kept of requests that failed does not keep their heads', async () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const heapBytes = (): number => {
    for (let i = 0; i < 4; i++) collect()
    return process.memoryUsage().heapUsed
  }
  const port = 1
  const head = (bytes: number) =>
    `GET /a/path/of/some/length HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nX: ${'x'.repeat(bytes)}\r\n\r\n`
  await sendMany(web.outbound, head(1), 100, 4)
  const before = heapBytes()
  const { statuses } = await sendMany(web.outbound, head(60_000), 600, 4)
  expect(statuses).toEqual(new Map([[503, 600]]))
  // Their spans wait for a report; with their heads they would take 36 MB.
  expect(heapBytes() - before).toBeLessThan(12e6)
})

test('names that no service has are no updates of the policy', async () => {
  const updates = async () =>
    /selvedge_config_updates_total\{result="applied"\} [0-9]+/.exec(await web.page('/metrics'))?.[0]
  const before = await updates()
  const callers = ['made-up', 'made-up-too'].map(name => {
    const caller = wire(web.outbound)
    caller.send(`CONNECT ${name}:0 HTTP/1.1\r\n\r\n`)
    return caller
  })
  await Promise.all(callers.map(caller => caller.match(/x-selvedge-cause/)))
  for (const { socket } of callers) socket.destroy()
  expect(await updates()).toBe(before)
})
