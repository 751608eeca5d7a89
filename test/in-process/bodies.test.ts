import { createHash } from 'node:crypto'
import { request as httpRequest } from 'node:http'
import type { Socket } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Application, byteApplication, httpApplication, quickApplication } from '../fakes/application.ts'
import { ask, begin, keepAlive, wire } from './client.ts'
import { type Mesh, type SidecarUnderTest, startMesh, until } from './mesh.ts'
import { service, workload } from './resources.ts'

// CHECKLIST, FAULT-5 and 7; DESIGN, section 6: backpressure goes end to end.

const MIB = 1024 * 1024
const LARGE = 20 * MIB
/** More than all buffers of the kernel on the way hold together: six sockets, each with several MiB. */
const ENDLESS = 200 * MIB
/** What this whole process may hold of it meanwhile: three programs and two sidecars. */
const HELD_MAX = 32 * MIB

let mesh: Mesh
/** Speaks HTTP by its path: see `beforeAll`. */
let http: Application
/** Does to each connection what the test says. */
let bytes: Application
let onConnection: (socket: Socket) => void = socket => void socket.resume()
let neverRead: Socket | undefined
let web: SidecarUnderTest
let far: SidecarUnderTest
/** What the application has written, or taken, so far. */
let moved = 0

beforeAll(async () => {
  mesh = startMesh()
  http = await mesh.with(
    httpApplication((request, response) => {
      if (request.url === '/large') {
        response.writeHead(200, { 'content-length': LARGE })
        pour(response, LARGE)
      } else if (request.url === '/large-chunked') pour(response, LARGE)
      else if (request.url === '/endless') {
        response.writeHead(200, { 'content-length': ENDLESS })
        pour(response, ENDLESS)
      } else if (request.url === '/endless-chunked') pour(response, ENDLESS)
      else if (request.url === '/early') response.writeHead(403, { 'content-length': 2 }).end('no')
      else if (request.url === '/never-reads') neverRead = request.pause().socket
      else {
        const hash = createHash('sha256')
        request.on('data', chunk => hash.update(chunk))
        request.on('end', () => response.end(hash.digest('hex')))
      }
    }),
  )
  bytes = await mesh.with(
    byteApplication(socket => {
      socket.on('end', () => socket.end())
      onConnection(socket)
    }),
  )
  far = await mesh.sidecar('http', { port: http.port, labels: { app: 'http' } })
  const farBytes = await mesh.sidecar('bytes', { port: bytes.port, labels: { app: 'bytes' } })
  web = await mesh.sidecar('web', {
    resources: [
      ...[far.workload, service('http', { app: 'http' })],
      ...[farBytes.workload, service('bytes', { app: 'bytes' })],
      ...[workload('plain', { labels: { app: 'plain' }, port: bytes.port }), service('plain', { app: 'plain' })],
    ],
  })
})
afterAll(() => mesh.close())

function pour(to: NodeJS.WritableStream, total: number): void {
  const chunk = Buffer.alloc(64 * 1024, 'x')
  moved = 0
  const more = (): void => {
    while (moved < total) {
      moved += chunk.length
      if (!to.write(chunk)) {
        to.once('drain', more)
        return
      }
    }
    to.end()
  }
  more()
}

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** What this process holds in buffers; the kernel's are not among them. */
function bytesHeld(): number {
  collectGarbage()
  return process.memoryUsage().arrayBuffers
}

/** Nothing has moved for some turns of all sockets: everybody on the way waits for the next. */
async function stalled(): Promise<number> {
  let last = -1
  let same = 0
  await until(() => {
    same = moved === last ? same + 1 : 0
    last = moved
    return same >= 15
  })
  return moved
}

describe('20 MB pass unharmed', () => {
  const body = Buffer.alloc(LARGE, 'some bytes that repeat themselves, ')
  const digest = createHash('sha256').update(body).digest('hex')

  test('to the application, with a length', async () => {
    expect((await ask(web.outbound, 'http://http/', { method: 'POST', body })).body).toBe(digest)
  })

  test('to the application, in chunks', async () => {
    const answer = await new Promise<string>((resolve, reject) => {
      const sent = httpRequest(
        { host: '127.0.0.1', port: web.outbound, method: 'PUT', path: '/', headers: { host: 'http' } },
        response => response.toArray().then(parts => resolve(Buffer.concat(parts).toString()), reject),
      )
      sent.on('error', reject)
      for (let at = 0; at < LARGE; at += 100_000) sent.write(body.subarray(at, at + 100_000))
      sent.end()
    })
    expect(answer).toBe(digest)
  })

  test.each(['/large', '/large-chunked'])('from the application: %s', async path => {
    const answer = await ask(web.outbound, `http://http${path}`)
    expect(answer.body.length).toBe(LARGE)
    expect(answer.headers['transfer-encoding']).toBe(path === '/large' ? undefined : 'chunked')
  })
})

describe('a slow reader holds its far writer up, and memory is bounded', () => {
  test.each(['/endless', '/endless-chunked'])('on the way back: %s', async path => {
    const before = bytesHeld()
    const response = await begin(web.outbound, `http://http${path}`)
    response.pause()
    expect(await stalled()).toBeLessThan(ENDLESS)
    expect(bytesHeld() - before).toBeLessThan(HELD_MAX)
    // It goes on when the reader does.
    const had = moved
    let read = 0
    for await (const chunk of response) {
      read += (chunk as Buffer).length
      if (read > had + 10 * MIB) break
    }
    expect(moved).toBeGreaterThan(had)
    await until(async () => (await web.endpoints()).every(({ breaker }) => breaker.requests === 0))
  })

  test('on the way there', async () => {
    const before = bytesHeld()
    const caller = wire(web.outbound)
    caller.send(`POST /never-reads HTTP/1.1\r\nHost: http\r\nContent-Length: ${ENDLESS}\r\n\r\n`)
    pour(caller.socket, ENDLESS)
    expect(await stalled()).toBeLessThan(ENDLESS)
    expect(bytesHeld() - before).toBeLessThan(HELD_MAX)
    // The caller isn't read while it is held up, so that its going is noticed only when somebody takes or refuses more.
    caller.socket.destroy()
    neverRead?.destroy()
    await until(async () => (await web.endpoints()).every(({ breaker }) => breaker.requests === 0))
  })
})

describe('[FAULT-5] a body that breaks off never looks whole', () => {
  const answers = [
    ['with a length', 'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf'],
    ['in chunks', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n'],
    ['in a broken chunk', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\nzz\r\n'],
    ['up to its end', 'HTTP/1.1 200 OK\r\n\r\nhalf'],
  ] as const

  test.each(['bytes', 'plain'])('when %s resets in the middle of its answer', async host => {
    for (const [how, text] of answers) {
      onConnection = socket => socket.once('data', () => socket.write(text, () => socket.resetAndDestroy()))
      const answer = await begin(web.outbound, `http://${host}/`)
      expect(answer.statusCode, how).toBe(200)
      await expect(answer.toArray(), how).rejects.toThrow(/aborted/)
    }
  })

  test('when the application ends its connection in the middle of its answer', async () => {
    for (const [how, text] of answers.slice(0, 3)) {
      onConnection = socket => socket.once('data', () => socket.end(text))
      const answer = await begin(web.outbound, 'http://bytes/')
      await expect(answer.toArray(), how).rejects.toThrow(/aborted/)
    }
  })

  test('also towards an HTTP/1.0 caller, to whom the end of the connection is the end of the body', async () => {
    onConnection = socket => socket.once('data', () => socket.write(answers[1][1], () => socket.resetAndDestroy()))
    const caller = wire(web.outbound)
    caller.send('GET / HTTP/1.0\r\nHost: bytes\r\n\r\n')
    expect(await caller.ended()).toBe('reset')
  })

  test('but one that ends with its connection is whole, for both kinds of callers', async () => {
    onConnection = socket => socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\n\r\nwhole'))
    expect((await ask(web.outbound, 'http://bytes/')).body).toBe('whole')
    const caller = wire(web.outbound)
    caller.send('GET / HTTP/1.0\r\nHost: bytes\r\n\r\n')
    expect(await caller.ended()).toBe('end')
    expect(caller.received).toMatch(/\r\n\r\nwhole$/)
  })

  test.each([
    ['with a length', 'Content-Length: 100\r\n\r\nhalf'],
    ['in chunks', 'Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n'],
  ])('when the caller breaks it off %s: the application sees no whole request', async (_, rest) => {
    let heard = ''
    let ended = false
    onConnection = socket => {
      socket.on('data', chunk => {
        heard += chunk.toString('latin1')
      })
      socket.on('close', () => {
        ended = true
      })
    }
    const caller = wire(web.outbound)
    caller.send(`POST / HTTP/1.1\r\nHost: bytes\r\n${rest}`)
    await until(() => heard.includes('half'))
    caller.socket.destroy()
    await until(() => ended)
    expect(heard).not.toMatch(/0\r\n\r\n$/)
  })

  test('when the caller breaks its chunks: 400, and the application sees no whole request', async () => {
    let heard = ''
    onConnection = socket => {
      socket.on('data', chunk => {
        heard += chunk.toString('latin1')
      })
    }
    const caller = wire(web.outbound)
    caller.send('POST / HTTP/1.1\r\nHost: bytes\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n')
    await until(() => heard.includes('half'))
    caller.send('zz\r\n')
    await caller.match(/^HTTP\/1\.1 400 /)
    expect(await caller.ended()).toBe('end')
    await until(() => bytes.open === 0)
    expect(heard).not.toMatch(/0\r\n\r\n$/)
  })
})

describe('an answer that is not well-formed', () => {
  test.each([
    ['no HTTP', 'SSH-2.0-x\r\n\r\n'],
    ['two lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nxx'],
    ['a length and chunks', 'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['a bare line feed', 'HTTP/1.1 200 OK\ncontent-length: 0\n\n'],
    [
      'a switch of protocols that nobody asked for',
      'HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n',
    ],
    ['interim answers without end', 'HTTP/1.1 103 Hints\r\n\r\n'.repeat(100)],
  ])('is 502 upstream-protocol-error, and its connection is closed: %s', async (_, text) => {
    onConnection = socket => socket.once('data', () => socket.write(text))
    for (const host of ['bytes', 'plain']) {
      const answer = await ask(web.outbound, `http://${host}/`)
      expect(answer).toMatchObject({ status: 502, headers: { 'x-selvedge-cause': 'upstream-protocol-error' } })
    }
    await until(() => bytes.open === 0)
  })
})

describe('an early answer', () => {
  test('reaches a caller that is still sending, and the connections are not used again', async () => {
    const caller = wire(web.outbound, true)
    caller.send('POST /early HTTP/1.1\r\nHost: http\r\nContent-Length: 1000000\r\n\r\nsome of it')
    await caller.match(/^HTTP\/1\.1 403 .*no$/s)
    expect(caller.received.toLowerCase()).toContain('connection: close')
    expect(await caller.ended()).toBe('end')
    caller.send('GET / HTTP/1.1\r\nHost: http\r\n\r\n')
    caller.socket.end()
    await until(async () => (await web.endpoints()).every(({ breaker }) => breaker.requests === 0))
    expect(caller.received.match(/HTTP\/1\.1/g)).toHaveLength(1)
    expect((await ask(web.outbound, 'http://http/')).status).toBe(200)
  })

  test('before 100 Continue comes instead of it', async () => {
    const caller = wire(web.outbound)
    caller.send('POST /early HTTP/1.1\r\nHost: http\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n')
    await caller.match(/^HTTP\/1\.1 (100 Continue\r\n\r\nHTTP\/1\.1 )?403 /)
    caller.socket.destroy()
  })

  test('100 Continue comes where the body is wanted', async () => {
    const caller = wire(web.outbound)
    caller.send('POST / HTTP/1.1\r\nHost: http\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n')
    await caller.match(/^HTTP\/1\.1 100 Continue\r\n\r\n$/)
    caller.send('body')
    await caller.match(new RegExp(createHash('sha256').update('body').digest('hex')))
    caller.socket.destroy()
  })
})

describe('[FAULT-7] a kept connection that closes just as it is used again', () => {
  /** Answers one request on each connection, and breaks the connection off at the first byte of the second. */
  function answersOnce(): { seen: number } {
    const counted = { seen: 0 }
    onConnection = socket => {
      let answered = false
      socket.on('data', () => {
        if (answered) socket.resetAndDestroy()
        else {
          answered = true
          counted.seen++
          socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok')
        }
      })
    }
    return counted
  }

  test.each(['bytes', 'plain'])('is no failure for an idempotent request: %s', async host => {
    const counted = answersOnce()
    for (let n = 1; n <= 5; n++) {
      const answer = await ask(web.outbound, `http://${host}/`, { method: n % 2 === 0 ? 'GET' : 'PUT', body: 'small' })
      expect(answer.status).toBe(200)
      expect(counted.seen).toBe(n)
    }
  })

  test.each(['bytes', 'plain'])(
    'is no failure for one with an idempotency key, and its body goes whole: %s',
    async host => {
      const counted = answersOnce()
      for (let n = 1; n <= 3; n++) {
        const headers = { 'Idempotency-Key': 'k' }
        const answer = await ask(web.outbound, `http://${host}/`, { method: 'POST', headers, body: 'pay' })
        expect(answer.status).toBe(200)
        expect(counted.seen).toBe(n)
      }
    },
  )

  test('is one for another: nobody knows what has been done', async () => {
    answersOnce()
    // A connection of another test may be kept: the first answer is the one that makes sure.
    await ask(web.outbound, 'http://plain/')
    const answer = await ask(web.outbound, 'http://plain/', { method: 'POST', body: 'pay' })
    expect(answer).toMatchObject({ status: 502, headers: { 'x-selvedge-cause': 'upstream-reset' } })
  })

  test('is rare, since connections to just any server are closed before most servers do it', async () => {
    let leapMs = 0
    const clock = { nowMs: () => performance.now() + leapMs, wallMs: () => Date.now() }
    const server = await mesh.with(quickApplication('ok'))
    const [plain, behind] = [
      workload('idle', { labels: { app: 'idle' }, port: server.port }),
      await mesh.sidecar('behind', { port: server.port, labels: { app: 'behind' }, options: { clock } }),
    ]
    const caller = await mesh.sidecar('web-3', {
      resources: [plain, service('idle', { app: 'idle' }), behind.workload, service('behind', { app: 'behind' })],
      options: { clock },
    })
    for (const host of ['idle', 'behind', `127.0.0.1:${server.port}`]) await ask(caller.outbound, `http://${host}/`)
    const connections = async () =>
      (await caller.endpoints()).map(({ destination, breaker }) => [destination, breaker.connections])
    expect(await connections()).toEqual(
      expect.arrayContaining([
        ['shop/idle', 1],
        ['shop/behind', 1],
      ]),
    )
    leapMs = 4_000
    // Between sidecars they are kept.
    await until(async () => `${(await connections()).sort()}` === 'shop/behind,1,shop/idle,0')
    await until(() => server.open === 0)
    leapMs = 65_000
    await until(async () => `${(await connections()).sort()}` === 'shop/behind,0,shop/idle,0')
  })

  test('costs callers nothing when a server closes all that is idle', async () => {
    const server = await mesh.with(quickApplication('ok'))
    const sidecar = await mesh.sidecar('restarted', { port: server.port, labels: { app: 'restarted' } })
    const caller = await mesh.sidecar('web-2', {
      resources: [sidecar.workload, service('restarted', { app: 'restarted' })],
    })
    const agent = keepAlive(4)
    for (let n = 0; n < 10; n++) {
      const asked = Array.from({ length: 4 }, () => ask(caller.outbound, 'http://restarted/', { agent }))
      expect((await Promise.all(asked)).map(({ status }) => status)).toEqual([200, 200, 200, 200])
      await server.close()
      await server.reopen()
    }
    agent.destroy()
  })
})

test('nothing broke, and nothing is left under way', async () => {
  for (const sidecar of [web, far]) {
    expect(await sidecar.page('/metrics')).toContain('selvedge_broken_exchanges_total 0')
  }
  for (const { breaker, endpoints } of await web.endpoints()) {
    expect(breaker).toMatchObject({ requests: 0, pending: 0 })
    expect(endpoints.every(({ pending }) => pending === 0)).toBe(true)
  }
})
