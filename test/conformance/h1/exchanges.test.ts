import type { Socket } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Wire } from '../../in-process/client.ts'
import { until } from '../../in-process/mesh.ts'
import { answering, DOORS, type DoorName, type Edge, expectInOrder, OK, OK_ONCE, startEdge } from './kit.ts'

// CHECKLIST, H1-10, 20, 21 and 26, and the bodies of every framing: what an exchange does beyond its head, at both doors.

let edge: Edge
beforeAll(async () => {
  edge = await startEdge()
})
afterAll(() => edge.close())

function call(door: DoorName, text: string): Wire {
  const caller = edge.doors[door].call()
  caller.send(Buffer.from(text, 'latin1'))
  return caller
}

/** What each connection of the application has heard, in the order in which they came. */
function noted(onData: (socket: Socket, heard: string) => void): string[] {
  const all: string[] = []
  edge.application.onConnection = socket => {
    // Not before it says something: the sidecar looks now and then whether the application is there.
    let index = -1
    socket.on('data', chunk => {
      if (index === -1) index = all.push('') - 1
      all[index] += chunk.toString('latin1')
      onData(socket, all[index] ?? '')
    })
    socket.on('end', () => socket.end())
  }
  return all
}

/** Settles when a figure has not changed for a while. */
async function stands(figure: () => number): Promise<void> {
  let before = -1
  await until(async () => {
    const same = figure() === before
    before = figure()
    await new Promise(resolve => setTimeout(resolve, 50))
    return same
  })
}

/** Connections of earlier tests may be kept, and would go on as they began. */
beforeEach(() => edge.freshApplication())

describe.each(DOORS)('at the door for %ss', door => {
  test('[H1-10] trailers go on as trailers; Content-Length, Host and Authorization among them are dropped, and merged with nothing', async () => {
    const [before, trailers] = [
      edge.application.heard.length,
      'Content-Length: 9\r\nHost: evil\r\nAuthorization: x\r\nX-Sum: 1\r\n',
    ]
    const caller = call(
      door,
      `POST / HTTP/1.1\r\nHost: app\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n4\r\nbody\r\n0\r\n${trailers}\r\n`,
    )
    await caller.match(/^HTTP\/1\.1 200 .*ok$/s)
    caller.socket.destroy()
    const heard = edge.application.heard.slice(before)
    expect(heard).toMatch(/\r\n\r\n4\r\nbody\r\n0\r\nX-Sum: 1\r\n\r\n$/i)
    expect(heard).not.toMatch(/evil|authorization|content-length/i)
  })

  test('[H1-10] trailers of answers alike, and nothing in them is said in our name', async () => {
    noted(socket =>
      socket.end(
        'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nSet-Cookie: a\r\nX-Selvedge-Cause: denied\r\nContent-Length: 9\r\nX-Sum: 2\r\n\r\n',
      ),
    )
    const caller = call(door, 'GET / HTTP/1.1\r\nHost: app\r\n\r\n')
    await caller.match(/^HTTP\/1\.1 200 .*\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 2\r\n\r\n$/is)
    expect(caller.received).not.toMatch(/set-cookie|content-length|x-selvedge-cause/i)
    caller.socket.destroy()
  })

  test('[H1-20] 100 Continue comes where the body is wanted, and once', async () => {
    edge.application.onConnection = answering(() => OK_ONCE)
    const caller = call(door, 'POST / HTTP/1.1\r\nHost: app\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n')
    await caller.match(/^HTTP\/1\.1 100 Continue\r\n\r\n$/)
    caller.send('body')
    await caller.match(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 .*ok$/s)
    expect(caller.received.match(/100 Continue/g)).toHaveLength(1)
    caller.socket.destroy()
  })

  test('[H1-20] a caller of HTTP/1.0 is told no 100 Continue, nor any interim answer', async () => {
    noted(socket => void socket.write(`HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n${OK_ONCE}`))
    const caller = call(door, 'POST / HTTP/1.0\r\nHost: app\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\nbody')
    await caller.match(/ok$/)
    expect(caller.received).toMatch(/^HTTP\/1\.1 200 /)
    caller.socket.destroy()
  })

  test('[H1-20] [H1-21] a final answer before the body: neither connection is used again', async () => {
    for (const fields of ['', 'Expect: 100-continue\r\n']) {
      await edge.freshApplication()
      const heard = noted((socket, text) => {
        if (text.endsWith('\r\n\r\n')) socket.write('HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno')
      })
      const caller = call(door, `POST /early HTTP/1.1\r\nHost: app\r\nContent-Length: 100000\r\n${fields}\r\n`)
      await caller.match(/HTTP\/1\.1 403 .*no$/s)
      // The answer says so, and what still comes of the body, or looks like a request, is never read as one.
      expect(caller.received).toContain('\r\nconnection: close\r\n')
      caller.send('GET /smuggled HTTP/1.1\r\nHost: app\r\n\r\n')
      expect(await caller.ended()).toBe('end')
      caller.socket.destroy()
      const next = call(door, 'GET /next HTTP/1.1\r\nHost: app\r\n\r\n')
      await next.match(/^HTTP\/1\.1 403 .*no$/s)
      next.socket.destroy()
      expect(heard.map(text => text.split(' ')[1])).toEqual(['/early', '/next'])
      expect(heard.join('')).not.toContain('smuggled')
    }
  })

  test('[H1-21] an answer that comes while the body is still on its way reaches the caller', async () => {
    noted((socket, text) => {
      if (text.length > 100_000 && socket.bytesWritten === 0)
        socket.write('HTTP/1.1 413 Content Too Large\r\ncontent-length: 3\r\n\r\nbig')
    })
    const caller = call(door, 'PUT / HTTP/1.1\r\nHost: app\r\nTransfer-Encoding: chunked\r\n\r\n')
    const piece = `10000\r\n${'x'.repeat(0x10000)}\r\n`
    for (let n = 0; n < 8; n++) caller.send(piece)
    await caller.match(/^HTTP\/1\.1 413 .*big$/s)
    expect(await caller.ended()).toBe('end')
    caller.socket.destroy()
    await until(() => edge.application.open === 0)
  })

  test('[H1-26] pipelined requests are answered in order, bodies of every framing among them', async () => {
    edge.application.onConnection = answering(head => {
      const path = head.split(' ')[1] ?? ''
      return `HTTP/1.1 200 OK\r\ncontent-length: ${path.length}\r\n\r\n${path}`
    })
    const requests = Array.from({ length: 300 }, (_, n) => {
      if (n % 3 === 0) return `GET /${n} HTTP/1.1\r\nHost: app\r\n\r\n`
      if (n % 3 === 1) return `POST /${n} HTTP/1.1\r\nHost: app\r\nContent-Length: 9\r\n\r\nGET / HTT`
      return `POST /${n} HTTP/1.1\r\nHost: app\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nPOST\r\n0\r\n\r\n`
    })
    const caller = call(door, requests.join(''))
    await caller.match(/\r\n\r\n\/299$/)
    const order = [...caller.received.matchAll(/\r\n\r\n\/([0-9]+)/g)].map(([, n]) => Number(n))
    expect(order).toEqual(Array.from({ length: 300 }, (_, n) => n))
    caller.socket.destroy()
  })

  test('[H1-26] pipelined requests are bounded: who sends on is not read until there are answers', async () => {
    let answerAll = false
    const sockets = new Set<Socket>()
    edge.application.onConnection = socket => {
      sockets.add(socket)
      socket.on('data', () => {
        if (answerAll) socket.write(OK)
      })
      socket.on('end', () => socket.end())
    }
    const request = `GET / HTTP/1.1\r\nHost: app\r\nX: ${'x'.repeat(8_000)}\r\n\r\n`
    // More than the buffers of the kernel hold on the way.
    const count = 3_000
    const caller = edge.doors[door].call()
    for (let n = 0; n < count; n++) caller.send(request)
    await until(() => sockets.size > 0)
    await stands(() => caller.socket.writableLength)
    expect(caller.socket.writableLength).toBeGreaterThan(0)
    expect(edge.doors[door].sidecar.log().filter(({ level }) => Number(level) >= 50)).toEqual([])
    answerAll = true
    for (const socket of sockets) socket.write(OK)
    await caller.match(/ok.*ok/s)
    caller.socket.destroy()
    // What was held goes with its caller: the application hears no more.
    await stands(() => edge.application.heard.length)
  })
})

const BODY = 'x'.repeat(70_000)

describe.each(DOORS)('bodies of every framing, at the door for %ss', door => {
  const requests = [
    ['none', 'GET / HTTP/1.1\r\nHost: app\r\n\r\n', ''],
    ['a length', `POST / HTTP/1.1\r\nHost: app\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`, BODY],
    [
      'chunks',
      `POST / HTTP/1.1\r\nHost: app\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n11170\r\n${BODY}\r\n0\r\n\r\n`,
      `abc${BODY}`,
    ],
  ] as const
  const answers = [
    ['a length', `HTTP/1.1 200 OK\r\ncontent-length: ${BODY.length}\r\n\r\n${BODY}`],
    ['chunks', `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n11170\r\n${BODY}\r\n0\r\n\r\n`],
    ['the close', `HTTP/1.1 200 OK\r\n\r\n${BODY}`],
    ['the close of HTTP/1.0', `HTTP/1.0 200 OK\r\n\r\n${BODY}`],
  ] as const

  test.each(
    requests.flatMap(([there, text, body]) => answers.map(([back, answer]) => ({ there, back, text, body, answer }))),
  )('there by $there, back by $back, both ways at once', async ({ text, body, answer }) => {
    let last: Socket | undefined
    const heard = noted((socket, all) => {
      last = socket
      if (socket.bytesWritten > 0) return
      // The answer begins with the request's head, while its body is still on its way.
      if (all.includes('\r\n\r\n')) socket.write(answer.slice(0, 1_000))
    })
    const caller = call(door, text)
    await until(() => unframed(heard[0] ?? '') === body)
    last?.end(answer.slice(1_000))
    await until(() => unframed(caller.received) === BODY)
    caller.socket.destroy()
  })
})

/** The body of one message, without its chunk lines; `undefined` while it isn't whole. */
function unframed(text: string): string | undefined {
  const head = text.indexOf('\r\n\r\n')
  if (head === -1) return undefined
  const body = text.slice(head + 4)
  if (!/\r\ntransfer-encoding: chunked/i.test(text.slice(0, head))) return body
  let out = ''
  for (let at = 0; ; ) {
    const line = body.indexOf('\r\n', at)
    if (line === -1) return undefined
    const size = Number.parseInt(body.slice(at, line), 16)
    if (size === 0) return out
    out += body.slice(line + 2, line + 2 + size)
    at = line + 2 + size + 2
  }
}

describe.each(DOORS)('answers without a body, at the door for %ss', door => {
  test.each([
    ['HEAD', 'HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n', 'HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n'],
    ['HEAD', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n', 'HTTP/1.1 200 OK\r\n\r\n'],
    ['GET', 'HTTP/1.1 204 No Content\r\n\r\n', 'HTTP/1.1 204 No Content\r\n\r\n'],
    ['GET', 'HTTP/1.1 204 No Content\r\ncontent-length: 5\r\n\r\n', 'HTTP/1.1 204 No Content\r\n\r\n'],
    [
      'GET',
      'HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n',
      'HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n',
    ],
  ])('%s, %j: both connections go on', async (method, answer, expected) => {
    edge.application.onConnection = answering(() => answer)
    const caller = call(door, `${method} / HTTP/1.1\r\nHost: app\r\n\r\n`)
    await until(() => caller.received === expected)
    caller.send(`${method} / HTTP/1.1\r\nHost: app\r\n\r\n`)
    await until(() => caller.received === expected.repeat(2))
    expect(edge.application.open).toBe(1)
    caller.socket.destroy()
  })
})

test('nothing broke, and nothing is left under way', () => expectInOrder(edge))
