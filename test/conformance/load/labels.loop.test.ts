import { connect } from 'node:net'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { type Application, byteApplication } from '../../fakes/application.ts'
import { ask } from '../../in-process/client.ts'
import { type Mesh, type SidecarUnderTest, startMesh, until } from '../../in-process/mesh.ts'
import { meshPolicy, service, workload } from '../../in-process/resources.ts'
import { figures, times } from '../../loop/loop.ts'

/** What is sent in one piece; the sidecar holds no more than 64 KiB of it. */
const PIPELINED = 200
const REQUESTS = times(4_000, 1_000_000)

let mesh: Mesh
let application: Application
let caller: SidecarUnderTest

beforeAll(async () => {
  mesh = startMesh()
  // One answer for each head that has come in whole.
  application = await mesh.with(
    byteApplication(socket => {
      let rest = ''
      socket.on('data', chunk => {
        const heads = (rest + chunk.toString('latin1')).split('\r\n\r\n')
        rest = heads.pop() ?? ''
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'.repeat(heads.length))
      })
    }),
  )
  caller = await mesh.sidecar('caller', {
    resources: [
      workload('shop-1', { labels: { app: 'shop' }, port: application.port }),
      service('shop', { app: 'shop' }),
      // Else each of the hosts would be asked for in DNS, 20 ms each.
      meshPolicy({ unknownDestinations: 'refuse' }),
    ],
  })
})
afterAll(() => mesh.close())

/** Names and values of all series but those of the process. */
async function series(): Promise<string[]> {
  const { body } = await ask(caller.metrics, '/metrics')
  return body.split('\n').filter(line => /^selvedge_/.test(line))
}

test(`[LOAD-6] ${REQUESTS} paths, queries and hosts that somebody makes up leave series as many as they were`, async context => {
  const socket = connect(caller.outbound, '127.0.0.1')
  let answered = 0
  let tail = ''
  socket.on('data', chunk => {
    const heads = (tail + chunk.toString('latin1')).split('HTTP/1.1 ')
    answered += heads.length - 1
    // As much as could be the beginning of the next one.
    tail = heads.at(-1)?.slice(-8) ?? ''
  })
  const exchange = async (first: number, count: number): Promise<void> => {
    const goal = answered + count
    let text = ''
    for (let i = first; i < first + count; i++) {
      const kinds = [
        `GET http://shop/path-${i}/${i} HTTP/1.1\r\nHost: shop\r\n\r\n`,
        `M${i % 1000} http://shop/?q=${i} HTTP/1.1\r\nHost: shop\r\nX-Name-${i}: ${i}\r\n\r\n`,
        // A service that nobody has.
        `GET http://nobody-${i}.shop.svc/ HTTP/1.1\r\nHost: nobody-${i}.shop.svc\r\n\r\n`,
        // A host that nobody knows.
        `GET http://host-${i}.example/ HTTP/1.1\r\nHost: host-${i}.example\r\n\r\n`,
      ]
      text += kinds[i % kinds.length]
    }
    socket.write(text)
    await until(() => answered === goal)
  }
  await exchange(0, 4)
  await exchange(4, 4)
  const before = await series()
  const heapBefore = heapMegabytes()
  const startMs = performance.now()
  for (let sent = 8; sent < REQUESTS; sent += PIPELINED) await exchange(sent, Math.min(PIPELINED, REQUESTS - sent))
  // A page that was dear to make, as the first one is, is shown again for a while.
  const after = await vi.waitFor(
    async () => {
      const now = await series()
      const counted = now
        .filter(line => line.startsWith('selvedge_requests_total{'))
        .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0)
      expect(counted).toBe(REQUESTS)
      return now
    },
    { timeout: 20_000, interval: 200 },
  )
  expect(after.length).toBe(before.length)
  expect(after.join('\n')).not.toMatch(/nobody|path-|example/)
  const growthMb = heapMegabytes() - heapBefore
  figures(context, {
    requests: REQUESTS,
    series: after.length,
    heapGrowthMb: Math.round(growthMb),
    seconds: Math.round((performance.now() - startMs) / 1000),
  })
  socket.destroy()
  expect(growthMb).toBeLessThan(64)
}, 1_800_000)

function heapMegabytes(): number {
  return process.memoryUsage().heapUsed / 1024 / 1024
}
