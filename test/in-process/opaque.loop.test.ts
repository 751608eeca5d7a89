import { connect, type Socket } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { systemRandom } from '../../common/mod.ts'
import { byteApplication } from '../fakes/application.ts'
import { figures, times } from '../loop/loop.ts'
import { type Mesh, type SidecarUnderTest, startMesh, until } from './mesh.ts'
import type { Resource } from './resources.ts'

// Connections of bytes as no two are alike, through two sidecars: nothing is lost, added, moved or kept.

const AT_ONCE = 8
const BYTES_MAX = 300_000
const random = systemRandom

let mesh: Mesh
let callee: SidecarUnderTest
let web: SidecarUnderTest

beforeAll(async () => {
  mesh = startMesh()
  const application = await mesh.with(byteApplication(answer))
  callee = await mesh.sidecar('any', { port: application.port, protocol: 'detect', labels: { app: 'any' } })
  const spec = { selector: { app: 'any' }, ports: [{ port: 80, targetPort: 'http' }] }
  const service: Resource = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'any', namespace: 'shop' }, spec }
  web = await mesh.sidecar('web', { resources: [callee.workload, service] })
})
afterAll(() => mesh.close())

/** What a connection is to do: its first line, `answer bytes, byte, who ends first`. */
function answer(socket: Socket): void {
  let head = ''
  let received = 0
  socket.on('data', chunk => {
    if (head.endsWith('\n')) {
      received += chunk.length
      return
    }
    const text = chunk.toString('latin1')
    const end = text.indexOf('\n')
    head += end === -1 ? text : text.slice(0, end + 1)
    if (end === -1) return
    received += chunk.length - end - 1
    const [bytes = '0', byte = '0', first] = head.slice(1).trim().split(' ')
    socket.write(Buffer.alloc(Number(bytes), Number(byte)))
    if (first === 'server') socket.end()
  })
  // What it has heard, where it can still say so.
  socket.on('end', () => socket.writable && socket.end(`heard ${received}`))
}

interface Outcome {
  readonly sent: number
  readonly received: number
}

async function one(): Promise<Outcome> {
  const socket = connect({ host: '127.0.0.1', port: web.outbound, allowHalfOpen: true })
  socket.write('CONNECT any:80 HTTP/1.1\r\nHost: any:80\r\n\r\n')
  const parts: Buffer[] = []
  const ended = new Promise<void>((resolve, reject) => {
    socket.on('end', resolve)
    socket.on('error', reject)
  })
  await new Promise<void>(resolve =>
    socket.once('data', (chunk: Buffer) => {
      expect(chunk.toString('latin1')).toBe('HTTP/1.1 200 Connection established\r\n\r\n')
      socket.on('data', (more: Buffer) => parts.push(more))
      resolve()
    }),
  )
  const bytes = Math.floor(random() ** 3 * BYTES_MAX)
  const byte = Math.floor(random() * 256)
  const serverEnds = random() < 0.3
  const body = Buffer.alloc(Math.floor(random() ** 3 * BYTES_MAX), 0xff)
  const whole = Buffer.concat([Buffer.from(`\0${bytes} ${byte} ${serverEnds ? 'server' : 'caller'}\n`), body])
  for (let from = 0; from < whole.length; ) {
    const to = Math.min(whole.length, from + 1 + Math.floor(random() ** 4 * whole.length))
    if (!socket.write(whole.subarray(from, to))) await new Promise(resolve => socket.once('drain', resolve))
    else if (random() < 0.2) await new Promise(resolve => setImmediate(resolve))
    from = to
  }
  if (!serverEnds || random() < 0.5) socket.end()
  await ended
  socket.end()
  const got = Buffer.concat(parts)
  const told = serverEnds ? '' : `heard ${body.length}`
  expect(got.length).toBe(bytes + told.length)
  expect(got.subarray(0, bytes).every(each => each === byte)).toBe(true)
  expect(got.subarray(bytes).toString('latin1')).toBe(told)
  return { sent: whole.length, received: got.length }
}

test('connections of bytes lose nothing, add nothing, and leave nothing behind', async context => {
  const count = times(200, 20_000)
  let left = count
  let bytes = 0
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (left-- > 0) {
        const { sent, received } = await one()
        bytes += sent + received
      }
    }),
  )
  await until(async () => {
    const views = [...(await web.endpoints()), ...(await callee.endpoints())]
    return views.every(({ breaker }) => breaker.requests === 0 && breaker.pending === 0)
  })
  for (const sidecar of [web, callee]) {
    expect(await sidecar.page('/metrics')).toContain('selvedge_broken_exchanges_total 0')
  }
  figures(context, { connections: count, megabytes: Math.round(bytes / 1e6) })
})
