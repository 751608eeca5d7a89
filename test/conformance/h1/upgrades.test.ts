import type { Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Wire } from '../../in-process/client.ts'
import { until } from '../../in-process/mesh.ts'
import { answering, counter, type DoorName, type Edge, expectInOrder, OK_ONCE, startEdge } from './kit.ts'

// CHECKLIST, H1-22: other protocols pass, once the endpoint has switched; more HTTP never does.

const SWITCHED =
  'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-Accept: yes\r\n\r\n'
const MIB = 1024 * 1024

const ways = [
  { way: 'through one sidecar, to an application without one', door: 'application', host: 'plain' },
  { way: 'through two sidecars', door: 'application', host: 'app' },
  { way: 'from a peer', door: 'peer', host: 'app' },
] as const satisfies readonly { way: string; door: DoorName; host: string }[]

let edge: Edge
beforeAll(async () => {
  edge = await startEdge()
})
afterAll(() => edge.close())

/** The application switches, says `first` in the same piece, and hands the connection to the test. */
function switching(
  first = '',
  text = SWITCHED,
): { readonly heads: string[]; socket: Socket | undefined; closed: boolean } {
  const state = { heads: [] as string[], socket: undefined as Socket | undefined, closed: false }
  edge.application.onConnection = socket => {
    socket.once('data', chunk => {
      state.heads.push(chunk.toString('latin1'))
      state.socket = socket
      socket.write(text + first, 'latin1')
    })
    socket.on('end', () => socket.end())
    socket.on('close', () => {
      state.closed = true
    })
  }
  return state
}

function ask(door: DoorName, host: string, upgrade = 'websocket', more = ''): Wire {
  const caller = edge.doors[door].call()
  const hop = `Connection: Upgrade, X-Hop\r\nUpgrade: ${upgrade}\r\nX-Hop: gone\r\n`
  caller.send(`GET /chat HTTP/1.1\r\nHost: ${host}\r\n${hop}Sec-WebSocket-Key: k\r\n\r\n${more}`)
  return caller
}

describe.each(ways)('[H1-22] a WebSocket $way', ({ door, host }) => {
  test('is opened by the application’s 101, and carries bytes both ways', async () => {
    const application = switching('first')
    const caller = ask(door, host)
    await caller.match(/^HTTP\/1\.1 101 Switching Protocols\r\n.*\r\n\r\nfirst$/s)
    expect(caller.received).toMatch(/\r\nconnection: upgrade\r\nupgrade: websocket\r\n/)
    expect(caller.received).toMatch(/\r\nx-accept: yes\r\n/i)
    const head = application.heads[0] ?? ''
    expect(head).toMatch(/\r\nconnection: upgrade\r\nupgrade: websocket\r\n/)
    expect(head).toMatch(/\r\nsec-websocket-key: k\r\n/i)
    expect(head).not.toContain('X-Hop')
    let heard = ''
    application.socket?.on('data', chunk => {
      heard += chunk.toString('latin1')
    })
    caller.send(Buffer.from('\x81\x05hello', 'latin1'))
    await until(() => heard === '\x81\x05hello')
    application.socket?.write('and back')
    await caller.match(/firstand back$/)
    // What ends here in order ends there in order.
    caller.socket.end()
    await until(() => application.closed)
    expect(await caller.ended()).toBe('end')
    caller.socket.destroy()
  })

  test('ends for the caller in order when the application ends it, and broken when it breaks', async () => {
    for (const [how, expected] of [
      ['end', 'end'],
      ['resetAndDestroy', 'reset'],
    ] as const) {
      const application = switching()
      const caller = ask(door, host)
      await caller.match(/^HTTP\/1\.1 101 /)
      application.socket?.[how]()
      const ended = await caller.ended()
      // Between sidecars, TLS has no reset: there the end is one, though nothing said so.
      if (expected === 'end' || (door === 'application' && host === 'plain')) expect(ended).toBe(expected)
      caller.socket.destroy()
    }
  })

  test('breaks for the application when the caller breaks', async () => {
    const application = switching()
    const caller = ask(door, host)
    await caller.match(/^HTTP\/1\.1 101 /)
    caller.socket.destroy()
    await until(() => application.closed)
  })

  test('is paced: 8 MB go there and come back', async () => {
    const application = switching()
    const caller = ask(door, host)
    await caller.match(/^HTTP\/1\.1 101 .*\r\n\r\n$/s)
    const headBytes = caller.received.length
    application.socket?.on('data', chunk => {
      if (application.socket?.write(chunk) === false)
        application.socket.pause().once('drain', () => application.socket?.resume())
    })
    const piece = Buffer.alloc(64 * 1024, 'websocket ')
    for (let n = 0; n < 128; n++) {
      if (!caller.socket.write(piece)) await new Promise(resolve => caller.socket.once('drain', resolve))
    }
    await until(() => caller.received.length === headBytes + 8 * MIB)
    caller.socket.destroy()
  })

  test('begins only with the 101: what is sent ahead waits for it', async () => {
    let heard = ''
    let answer = (): void => undefined
    edge.application.onConnection = socket => {
      socket.on('data', chunk => {
        heard += chunk.toString('latin1')
        answer = () => void socket.write(SWITCHED)
      })
      socket.on('end', () => socket.end())
    }
    const caller = ask(door, host, 'websocket', 'ahead')
    await until(() => heard.endsWith('\r\n\r\n'))
    caller.send(' of time')
    await new Promise(resolve => setTimeout(resolve, 20))
    expect(heard).not.toContain('ahead')
    answer()
    await until(() => heard.endsWith('\r\n\r\nahead of time'))
    caller.socket.destroy()
  })

  test('that the application declines is an ordinary answer', async () => {
    edge.application.onConnection = answering(() => OK_ONCE)
    const caller = ask(door, host)
    await caller.match(/^HTTP\/1\.1 200 .*ok$/s)
    expect(caller.received).not.toMatch(/upgrade/i)
    caller.send(`GET /next HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
    await caller.match(/ok.*HTTP\/1\.1 200 .*ok$/s)
    caller.socket.destroy()
  })

  test('that the application switches to something else than was asked for is 502', async () => {
    switching('', SWITCHED.replace('websocket', 'other'))
    const caller = ask(door, host)
    await caller.match(/^HTTP\/1\.1 502 .*upstream-protocol-error/s)
    caller.socket.destroy()
  })

  test.each(['h2c', 'H2C', 'h2', 'HTTP/2.0', 'h2c, websocket', 'websocket, h2c', 'TLS/1.0, HTTP/1.1'])(
    'is none where more HTTP is asked for: %s is never tunnelled, nor handed on',
    async upgrade => {
      const before = edge.application.heard.length
      edge.application.onConnection = answering(() => OK_ONCE)
      const caller = ask(door, host, upgrade)
      await caller.match(/^HTTP\/1\.1 200 .*ok$/s)
      expect(edge.application.heard.slice(before)).not.toMatch(/upgrade/i)
      // What follows is a request, not bytes.
      caller.send('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
      await caller.match(/HTTP\/1\.1 (400|505) /)
      expect(edge.application.heard.slice(before)).not.toContain('PRI')
      caller.socket.destroy()
    },
  )

  test('is not offered to HTTP/1.0, nor with a body', async () => {
    const before = edge.application.heard.length
    edge.application.onConnection = answering(() => OK_ONCE)
    for (const head of [
      `GET / HTTP/1.0\r\nHost: ${host}\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n`,
      `POST / HTTP/1.1\r\nHost: ${host}\r\nConnection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 1\r\n\r\na`,
    ]) {
      const caller = edge.doors[door].call()
      caller.send(head)
      await caller.match(/^HTTP\/1\.1 200 .*ok$/s)
      caller.socket.destroy()
    }
    expect(edge.application.heard.slice(before)).not.toMatch(/upgrade/i)
  })
})

test('[H1-22] what was switched is counted as 101, and nothing is left of it', async () => {
  await expectInOrder(edge)
  const text = await edge.web.page('/metrics')
  expect(text).toMatch(/selvedge_requests_total\{direction="outbound".*code="101"/)
  await until(async () => (await counter(edge.app, 'selvedge_connections_active{direction="inbound"}')) <= 3)
})
