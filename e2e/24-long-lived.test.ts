import { createServer, get, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { type ClientHttp2Session, connect } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { WebSocket } from 'undici'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { eventually, pause, yes } from './kit/eventually.ts'
import { PAIR_HOST, type Pair, startPair } from './kit/pair.ts'
import { acceptOf, echo, frame, messages, text } from './kit/web-socket.ts'

const MASK = Buffer.from([1, 2, 3, 4])
const SETTLE_MS = 5_000

let application: Server
let pair: Pair
/** Answers that are kept open, and callers of them that have gone. */
const open: ServerResponse[] = []
let gone = 0

beforeAll(async () => {
  application = createServer((request, response) => {
    response.on('close', () => {
      if (!response.writableFinished) gone++
    })
    if (request.url === '/events') response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
    open.push(response)
  })
  application.on('upgrade', (request, socket) => {
    const key = String(request.headers['sec-websocket-key'])
    const head = ['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade']
    socket.write([...head, `Sec-WebSocket-Accept: ${acceptOf(key)}`, '', ''].join('\r\n'))
    echo(socket)
  })
  await new Promise<void>(resolve => application.listen(0, '127.0.0.1', resolve))
  pair = await startPair({ protocol: 'http', applications: [(application.address() as AddressInfo).port] })
})
afterAll(async () => {
  await pair?.close()
  application.close().closeAllConnections()
})

describe('a WebSocket', () => {
  test("of undici's, by Upgrade, carries text and binary both ways, and closes in order", async () => {
    const socket = new WebSocket(`ws://127.0.0.1:${pair.gateway}/echo`)
    socket.binaryType = 'arraybuffer'
    const heard: unknown[] = []
    socket.addEventListener('message', ({ data }: { data: unknown }) => heard.push(data))
    await new Promise((resolve, reject) => {
      socket.addEventListener('open', resolve)
      socket.addEventListener('error', ({ message }: { message: string }) => reject(new Error(message)))
    })
    socket.send('hello')
    await eventually('the echo', SETTLE_MS, () => yes(heard.length === 1))
    socket.send(new Uint8Array(300_000).fill(7))
    await eventually('the large echo', SETTLE_MS, () => yes(heard.length === 2))
    const closed = new Promise<{ code: number; wasClean: boolean }>(resolve =>
      socket.addEventListener('close', resolve),
    )
    socket.close(1000, 'done')
    const { code, wasClean } = await closed
    expect([heard[0], (heard[1] as ArrayBuffer).byteLength, code, wasClean]).toEqual(['hello', 300_000, 1000, true])
  })

  test('by extended CONNECT (RFC 8441) reaches a server that knows Upgrade alone', async () => {
    const session = connect(`http://127.0.0.1:${pair.outbound}`)
    await new Promise(resolve => session.once('remoteSettings', resolve))
    expect(session.remoteSettings.enableConnectProtocol).toBe(true)
    const stream = session.request({
      ...{
        ':method': 'CONNECT',
        ':protocol': 'websocket',
        ':scheme': 'http',
        ':authority': PAIR_HOST,
        ':path': '/echo',
      },
      ...{ 'sec-websocket-version': '13', origin: 'http://app.shop' },
    })
    const status = await new Promise(resolve => stream.on('response', headers => resolve(headers[':status'])))
    expect(status).toBe(200)
    const heard: string[] = []
    messages(stream, ({ payload }) => heard.push(payload.toString()))
    stream.write(text('one', MASK))
    await eventually('the echo', SETTLE_MS, () => yes(heard.length === 1))
    // Beside it, the connection serves others.
    stream.write(text('x'.repeat(100_000), MASK))
    await eventually('the large echo', SETTLE_MS, () => yes(heard.length === 2))
    stream.write(frame(8, Buffer.from([3, 232]), MASK))
    await new Promise(resolve => stream.on('close', resolve))
    session.close()
    expect([heard[0], heard[1]?.length, heard[2]]).toEqual(['one', 100_000, '\u0003\ufffd'])
  })
})

/** What comes of one answer, piece by piece. */
interface Reading {
  readonly pieces: string[]
  leave(): void
}

const readHttp1 = (path: string): Promise<Reading> =>
  new Promise((resolve, reject) => {
    const request = get(
      { port: pair.outbound, path, headers: { host: PAIR_HOST }, agent: false },
      (response: IncomingMessage) => {
        const pieces: string[] = []
        response.on('data', (chunk: Buffer) => pieces.push(chunk.toString()))
        response.on('error', () => undefined)
        resolve({ pieces, leave: () => request.destroy() })
      },
    )
    request.on('error', reject)
  })

const readHttp2 = (path: string): Promise<Reading> =>
  new Promise((resolve, reject) => {
    const session: ClientHttp2Session = connect(`http://127.0.0.1:${pair.outbound}`)
    session.on('error', reject)
    const stream = session.request({ ':path': path, ':authority': PAIR_HOST })
    stream.on('error', () => undefined)
    stream.on('response', () => {
      const pieces: string[] = []
      stream.on('data', (chunk: Buffer) => pieces.push(chunk.toString()))
      stream.on('end', () => session.close())
      resolve({ pieces, leave: () => session.destroy() })
    })
  })

describe.each([
  ['HTTP/1.1', readHttp1],
  ['HTTP/2', readHttp2],
])('over %s', (_name, read) => {
  test('server-sent events arrive one by one, each before the next is made', async () => {
    const reading = await read('/events')
    const response = open.pop()
    for (const event of ['data: 1\n\n', 'data: 2\n\n', 'data: 3\n\n']) {
      response?.write(event)
      await eventually('the event', SETTLE_MS, () => yes(reading.pieces.at(-1) === event))
    }
    response?.end()
    expect(reading.pieces).toHaveLength(3)
  })

  test('a reader of events that leaves is told to the server at once', async () => {
    const before = gone
    const reading = await read('/events')
    reading.leave()
    await eventually('the server to hear of it', 1_000, () => yes(gone === before + 1))
    open.pop()
  })

  test('a long poll waits as long as it takes, and its answer comes at once', async () => {
    const before = open.length
    const asked = read('/poll')
    await eventually('the question', SETTLE_MS, () => yes(open.length === before + 1))
    await pause(2_000)
    const answeredMs = performance.now()
    open.pop()?.end('news')
    const reading = await asked
    await eventually('the answer', SETTLE_MS, () => yes(reading.pieces.join('') === 'news'))
    expect(performance.now() - answeredMs).toBeLessThan(1_000)
  })
})
