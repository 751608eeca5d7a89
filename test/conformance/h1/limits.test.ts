import type { Socket } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { until } from '../../in-process/mesh.ts'
import { counter, DOORS, type DoorName, type Edge, expectAlive, expectInOrder, startEdge } from './kit.ts'

// CHECKLIST, LOAD-1: whoever is slow is told so, or closed, and holds nothing up. The clock leaps; the sweep runs each second.

const HEAD_MS = 10_000
const PAUSE_MS = 60_000
const STALL_MS = 300_000
const TIMED_OUT = 'selvedge_refusals_total{cause="request-timeout"}'

let edge: Edge
let leapMs = 0
const slow: Record<DoorName, number> = { application: 0, peer: 0 }

beforeAll(async () => {
  edge = await startEdge({ options: { clock: { nowMs: () => performance.now() + leapMs, wallMs: () => Date.now() } } })
})
afterAll(() => edge.close())
afterEach(() => edge.freshApplication())

async function expectTimedOut(door: DoorName, why: RegExp): Promise<void> {
  slow[door]++
  const { sidecar } = edge.doors[door]
  await until(() =>
    sidecar.log().some(({ msg, why: said, cause }) => {
      return msg === 'Refused a request' && cause === 'request-timeout' && why.test(String(said))
    }),
  )
  await until(async () => (await counter(sidecar, TIMED_OUT)) >= slow[door])
  await expectAlive(edge, door)
}

describe.each(DOORS)('[LOAD-1] at the door for %ss', door => {
  // Behind two sidecars the second would see it, too, and might be the first to say so.
  const host = door === 'application' ? 'plain' : 'app'

  test('a slow head is 408, however it trickles, and nothing of it goes upstream', async () => {
    const heard = edge.application.heard.length
    const caller = edge.doors[door].call()
    caller.send('GET / HTTP/1.1\r\nHost: app\r\nX: ')
    // A byte every three seconds: each is a sign of life, and none of them helps.
    for (let n = 0; n < 12 && caller.received === ''; n++) {
      await new Promise(resolve => setTimeout(resolve, 200))
      leapMs += HEAD_MS / 4
      caller.send('x')
    }
    await caller.match(/^HTTP\/1\.1 408 .*\r\nx-selvedge-cause: request-timeout\r\n/s)
    expect(await caller.ended()).toBe('end')
    caller.socket.destroy()
    expect(edge.application.heard.slice(heard)).toBe('')
    await expectTimedOut(door, /head did not come/)
  })

  test('a slow body is 408, and the application never sees it whole', async () => {
    let closed = 0
    let heard = ''
    edge.application.onConnection = socket => {
      socket.on('data', chunk => {
        heard += chunk.toString('latin1')
      })
      socket.on('close', () => closed++)
      socket.on('end', () => socket.end())
    }
    const caller = edge.doors[door].call()
    caller.send(`POST / HTTP/1.1\r\nHost: ${host}\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n`)
    await until(() => heard.includes('half'))
    leapMs += PAUSE_MS + 1_000
    await caller.match(/^HTTP\/1\.1 408 .*\r\nx-selvedge-cause: request-timeout\r\n/s)
    expect(await caller.ended()).toBe('end')
    caller.socket.destroy()
    await until(() => closed > 0)
    expect(heard).not.toMatch(/0\r\n\r\n$/)
    edge.application.onConnection = socket => {
      socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok'))
    }
    await expectTimedOut(door, /body did not come/)
  })

  test('a slow reader is closed, and so is what was read for it', async () => {
    const pouring = new Set<Socket>()
    edge.application.onConnection = socket => {
      socket.once('data', head => {
        if (head.includes('/alive')) {
          socket.end('HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok')
          return
        }
        pouring.add(socket)
        socket.on('close', () => pouring.delete(socket))
        const piece = Buffer.alloc(64 * 1024)
        const more = (): void => {
          while (!socket.destroyed && socket.write(piece));
        }
        socket.on('drain', more)
        socket.write('HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n')
        more()
      })
    }
    const caller = edge.doors[door].call()
    caller.send(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
    await caller.match(/^HTTP\/1\.1 200 /)
    caller.socket.pause()
    let written = -1
    await until(async () => {
      const now = [...pouring].reduce((sum, socket) => sum + socket.bytesWritten, 0)
      const stands = now === written
      written = now
      await new Promise(resolve => setTimeout(resolve, 100))
      return stands
    })
    leapMs += STALL_MS + 1_000
    await until(() => pouring.size === 0)
    caller.socket.resume()
    expect(await caller.ended()).toMatch(/end|reset/)
    caller.socket.destroy()
    await expectTimedOut(door, /answer was not read/)
  })
})

test('[LOAD-1] nothing broke, and nothing is left under way', () => expectInOrder(edge))
