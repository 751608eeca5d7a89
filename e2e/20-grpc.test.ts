import { connect as connectHttp2, createServer, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { Metadata, status } from '@grpc/grpc-js'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { failure, TestClient } from './grpc/client.ts'
import { startTestServer, type TestServer } from './grpc/server.ts'
import { eventually, pause, yes } from './kit/eventually.ts'
import { residentKb } from './kit/memory.ts'
import { PAIR_HOST, type Pair, startPair } from './kit/pair.ts'
import { freePorts } from './kit/ports.ts'

let server: TestServer
let others: TestServer[]
let pair: Pair

beforeAll(async () => {
  server = await startTestServer()
  others = await Promise.all(['two', 'three'].map(startTestServer))
  pair = await startPair({ protocol: 'grpc', applications: [server.port] })
})
afterAll(async () => {
  await pair?.close()
  for (const each of [server, ...(others ?? [])]) each?.close()
})

/** The same calls, without the mesh and with it. */
const WAYS = [
  ['straight to the server', () => server.port],
  ['through two sidecars, by authority', () => pair.outbound],
  ['through two sidecars, by a gateway', () => pair.gateway],
] as const

describe.each(WAYS)('@grpc/grpc-js %s', (_way, portOf) => {
  let client: TestClient
  beforeAll(() => {
    client = new TestClient(portOf())
  })
  afterAll(() => client.close())

  test('unary calls bring their message back, with metadata at both ends, binary too', async () => {
    const metadata = new Metadata()
    metadata.set('x-echo-text', 'plain text, with a comma')
    metadata.add('x-echo-raw-bin', Buffer.from([0, 255, 128, 13, 10, 1]))
    metadata.add('x-echo-raw-bin', Buffer.from('second'))
    const { message, front, back } = await client.unary('Echo', 'hello', metadata)
    expect(message.toString()).toBe('hello')
    expect(front.get('x-echo-text')).toEqual(['plain text, with a comma'])
    for (const where of [front, back]) {
      expect(where.get('x-echo-raw-bin')).toEqual([Buffer.from([0, 255, 128, 13, 10, 1]), Buffer.from('second')])
    }
  })

  test('an empty message is a message', async () => {
    expect((await client.unary('Echo', '')).message).toHaveLength(0)
  })

  test('a hundred calls at once all come back', async () => {
    const answers = await Promise.all(Array.from({ length: 100 }, (_, i) => client.unary('Echo', `${i}`)))
    expect(answers.map(({ message }) => message.toString())).toEqual(Array.from({ length: 100 }, (_, i) => `${i}`))
  })

  test('a server streams', async () => {
    const { code, messages } = await client.all(client.stream('Count', '500 1000'))
    expect([code, messages.length, messages.at(-1)?.length]).toEqual([status.OK, 500, 1000])
  })

  test('a client streams', async () => {
    expect(await client.sum(Array.from({ length: 500 }, () => Buffer.alloc(1_000)))).toBe('500 500000')
  })

  test('both stream, message by message, while the other waits', async () => {
    const chat = client.chat()
    const heard: string[] = []
    chat.on('data', (message: Buffer) => heard.push(message.toString()))
    for (const word of ['one', 'two', 'three']) {
      chat.write(Buffer.from(word))
      // Nothing is held back until more comes, or the end.
      await eventually('the echo', 5_000, () => yes(heard.at(-1) === word))
    }
    chat.end()
    const { code } = await new Promise<{ code: status }>(resolve => chat.on('status', resolve))
    expect([code, heard]).toEqual([status.OK, ['one', 'two', 'three']])
  })

  test.each([
    status.CANCELLED,
    status.INVALID_ARGUMENT,
    status.NOT_FOUND,
    status.PERMISSION_DENIED,
    status.RESOURCE_EXHAUSTED,
    status.UNIMPLEMENTED,
    status.INTERNAL,
    status.UNAUTHENTICATED,
  ])('status %i arrives with its words', async code => {
    const failed = await client.unary('Fail', String(code)).catch(failure)
    expect(failed).toEqual({ code: status[code], details: 'as asked: ünïcode, 100%' })
  })

  test('a status behind a message arrives behind it', async () => {
    const { code, details, messages } = await client.all(client.stream('FailLate', ''))
    expect([code, details, messages.map(String)]).toEqual([status.DATA_LOSS, 'after a message', ['one']])
  })

  test('a method that nobody has is UNIMPLEMENTED', async () => {
    const call = client.client.makeServerStreamRequest(
      '/interop.Test/Nothing',
      (value: Buffer) => value,
      (value: Buffer) => value,
      Buffer.alloc(0),
    )
    expect((await client.all(call)).code).toBe(status.UNIMPLEMENTED)
  })

  test('a deadline travels, and runs', async () => {
    const { message } = await client.unary('Deadline', '', new Metadata(), 5_000)
    const leftMs = Number(message.toString())
    expect(leftMs).toBeGreaterThan(3_000)
    expect(leftMs).toBeLessThanOrEqual(5_000)
  })

  test('a deadline that passes ends the call at both ends', async () => {
    const before = server.cancelled
    const { code } = await client.all(client.stream('Hang', '', 400))
    expect(code).toBe(status.DEADLINE_EXCEEDED)
    await eventually('the server to hear of it', 3_000, () => yes(server.cancelled === before + 1))
  })

  test('cancelling reaches the server at once', async () => {
    const before = server.cancelled
    const call = client.stream('Hang', '')
    await new Promise(resolve => call.once('data', resolve))
    call.on('error', () => undefined)
    const cancelledMs = performance.now()
    call.cancel()
    await eventually('the server to hear of it', 3_000, () => yes(server.cancelled === before + 1))
    expect(performance.now() - cancelledMs).toBeLessThan(1_000)
  })
})

describe('through two sidecars', () => {
  test('an answer of trailers only stays one', async () => {
    const session = connectHttp2(`http://127.0.0.1:${pair.outbound}`)
    const request = session.request({
      ...{ ':method': 'POST', ':path': '/interop.Test/Fail', ':authority': PAIR_HOST },
      ...{ 'content-type': 'application/grpc', te: 'trailers' },
    })
    const seen: string[] = []
    request.on('response', (headers, flags) => {
      // RFC 9113, 6.2: END_STREAM.
      seen.push(`head ${headers['grpc-status']} ${flags & 1}`)
    })
    request.on('trailers', () => seen.push('trailers'))
    request.on('data', () => seen.push('data'))
    request.end(Buffer.concat([Buffer.from([0, 0, 0, 0, 1]), Buffer.from('5')]))
    await new Promise(resolve => request.on('close', resolve))
    session.destroy()
    expect(seen).toEqual(['head 5 1'])
  })

  test('messages of 64 MB pass both ways in memory that stays flat', async () => {
    const client = new TestClient(pair.outbound)
    const residentMb = () => pair.sidecars.map(({ pid }) => residentKb(pid) / 1024)
    await client.all(client.stream('Count', '2 8000000'))
    const before = residentMb()
    const most = [...before]
    const watch = setInterval(() => {
      for (const [i, mb] of residentMb().entries()) most[i] = Math.max(most[i] ?? 0, mb)
    }, 50)
    const MESSAGE = 64 * 1024 * 1024
    const down = client.stream('Count', `2 ${MESSAGE}`)
    const lengths: number[] = []
    down.on('data', (message: Buffer) => lengths.push(message.length))
    await new Promise<void>((resolve, reject) => down.on('end', resolve).on('error', reject))
    const message = Buffer.alloc(MESSAGE)
    const up = await client.sum([message, message])
    clearInterval(watch)
    client.close()
    expect(lengths).toEqual([MESSAGE, MESSAGE])
    expect(up).toBe(`2 ${2 * MESSAGE}`)
    const grown = most.map((mb, i) => Math.round(mb - (before[i] ?? 0)))
    // Less than one message: what is held is what is on its way.
    expect(Math.max(...grown), `grown by ${grown} MB from ${before.map(Math.round)}`).toBeLessThan(48)
  })

  test('requests of one connection go to endpoints one by one', async () => {
    const three = await startPair({ protocol: 'grpc', applications: [server, ...others].map(({ port }) => port) })
    const client = new TestClient(three.outbound)
    const served = new Map<string, number>()
    const ask = async (): Promise<void> => {
      const { front } = await client.unary('Echo', 'x')
      const [name] = front.get('x-server')
      served.set(String(name), (served.get(String(name)) ?? 0) + 1)
    }
    for (let i = 0; i < 6; i++) await Promise.all(Array.from({ length: 30 }, ask))
    const together = new Map(served)
    served.clear()
    for (let i = 0; i < 400; i++) await ask()
    client.close()
    await three.close()
    // The quicker get more; by connection, one would get all.
    for (const [counts, least] of [
      [together, 10],
      [served, 4],
    ] as const) {
      expect([...counts.keys()].sort()).toEqual(['one', 'three', 'two'])
      expect(Math.min(...counts.values()), String([...counts])).toBeGreaterThanOrEqual(least)
    }
  })

  test('[H2-18] a server that ends without trailers is a failure that the client understands', async () => {
    const rude = createServer()
    rude.on('stream', (stream: ServerHttp2Stream) => {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' })
      stream.end(Buffer.from([0, 0, 0, 0, 1, 120]))
    })
    await new Promise<void>(resolve => rude.listen(0, '127.0.0.1', resolve))
    const lone = await startPair({ protocol: 'grpc', applications: [(rude.address() as AddressInfo).port] })
    const client = new TestClient(lone.outbound)
    const failed = await client.unary('Echo', 'x').catch(failure)
    client.close()
    await lone.close()
    rude.close()
    expect(['UNAVAILABLE', 'UNKNOWN']).toContain('code' in failed ? failed.code : 'no failure')
  })

  test("[H2-19] what the mesh says itself has gRPC's own codes", async () => {
    const [nobody = 0] = await freePorts(1)
    const lone = await startPair({ protocol: 'grpc', applications: [nobody] })
    const away = new TestClient(lone.outbound)
    const lost = new TestClient(lone.outbound, 'app.shop:81')
    expect(await away.unary('Echo', 'x').catch(failure)).toMatchObject({ code: 'UNAVAILABLE' })
    expect(await lost.unary('Echo', 'x').catch(failure)).toMatchObject({
      code: expect.stringMatching(/UNIMPLEMENTED|UNAVAILABLE/),
    })
    for (const client of [away, lost]) client.close()
    await lone.close()
  })

  test('a server that dies in the middle of calls is UNAVAILABLE to each of them, and nothing hangs', async () => {
    const mortal = await startTestServer('mortal')
    const lone = await startPair({ protocol: 'grpc', applications: [mortal.port] })
    const client = new TestClient(lone.outbound)
    const calls = Array.from({ length: 10 }, () => client.stream('Hang', ''))
    const ends = calls.map(call => client.all(call))
    await eventually('all calls', 5_000, () => yes(mortal.hanging === 10))
    await pause(100)
    mortal.close()
    const codes = (await Promise.all(ends)).map(({ code }) => status[code])
    client.close()
    await lone.close()
    expect(codes).toEqual(codes.map(() => 'UNAVAILABLE'))
  })
})
