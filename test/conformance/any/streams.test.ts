import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { constants, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { type Mesh, type SidecarUnderTest, startMesh, until } from '../../in-process/mesh.ts'
import { service, workload } from '../../in-process/resources.ts'
import { settledBytes } from '../h2/memory.ts'
import { type AnyApplication, echo, startApplication } from './applications.ts'
import { type Caller, callerOf, callWhole } from './callers.ts'
import { type AnyMesh, startAnyMesh } from './kit.ts'

// Many streams on one connection: what becomes of all when there are too many, when one is refused, and when one is slow.

const MIB = 1024 * 1024

function streamOf(response: ServerResponse): ServerHttp2Stream {
  return (response as unknown as { readonly stream: ServerHttp2Stream }).stream
}

function sessionOf(response: ServerResponse): ServerHttp2Session {
  return streamOf(response).session as ServerHttp2Session
}

describe('between sidecars', () => {
  let any: AnyMesh

  beforeAll(async () => {
    any = await startAnyMesh()
  })
  afterAll(() => any.close())
  beforeEach(() => {
    for (const { application } of Object.values(any.targets)) application.answer = echo
  })

  const connectionsTo = async (name: string): Promise<number> =>
    (await any.web.endpoints()).find(({ destination }) => destination === `shop/${name}`)?.endpoints[0]?.connections ??
    0

  test('a thousand calls at once are under way together, on as many connections as they need, and none fails', async () => {
    const waiting: ServerResponse[] = []
    any.targets.mesh2.application.answer = (request, response) => {
      request.resume()
      waiting.push(response)
    }
    // A caller's connection has 256 streams as well.
    const callers = Array.from({ length: 5 }, () => callerOf(2, any.web.outbound))
    const asked = callers.flatMap(caller =>
      Array.from({ length: 200 }, () => callWhole(caller, { authority: 'mesh2', method: 'POST', body: 'x' })),
    )
    // On a machine that does much else, it takes a while until all are there.
    await vi.waitFor(() => expect(waiting).toHaveLength(1_000), { timeout: 14_000, interval: 20 })
    const held = await connectionsTo('mesh2')
    expect(held).toBeGreaterThanOrEqual(4)
    // Those that are begun together wait for connections by the hundred.
    expect(held).toBeLessThanOrEqual(12)
    for (const response of waiting) response.end('ok')
    const got = await Promise.all(asked)
    expect(got.every(({ status, body }) => status === 200 && body === 'ok')).toBe(true)
    // What comes after finds room on the first.
    any.targets.mesh2.application.answer = echo
    expect((await callWhole(callers[0]!, { authority: 'mesh2' })).status).toBe(200)
    expect(await connectionsTo('mesh2')).toBe(held)
    for (const caller of callers) caller.close()
  })

  test.each([
    [1, 'mesh1'],
    [2, 'mesh2'],
  ] as const)('64 MiB each way at once over HTTP/%d pass in flat memory', async (version, authority) => {
    any.targets[authority].application.answer = (request, response) => void request.pipe(response)
    const call = any.callers[version].open({ authority, method: 'POST' })
    const piece = Buffer.alloc(256 * 1024, 'x')
    const pieces = 256
    const before = settledBytes()
    let peak = 0
    const sent = (async () => {
      for (let i = 0; i < pieces; i++) {
        if (!call.sending.write(piece)) await once(call.sending, 'drain')
        if (i % 32 === 31) peak = Math.max(peak, settledBytes() - before)
      }
      call.sending.end()
    })()
    let bytes = 0
    for await (const part of (await call.head).body) bytes += (part as Buffer).length
    await sent
    expect(bytes).toBe(pieces * piece.length)
    // A quarter of what passes, of both sidecars with the pieces that they keep for later, the caller and the application.
    expect(peak).toBeLessThan(32 * MIB)
  })

  test.each([
    [1, 'mesh1'],
    [2, 'mesh2'],
    [1, 'mesh2'],
    [2, 'mesh1'],
  ] as const)(
    'a body that HTTP/%d sends to %s waits for who reads it, and no other call does',
    async (version, authority) => {
      let reader: IncomingMessage | undefined
      let heard = 0
      any.targets[authority].application.answer = (request, response) => {
        if (request.url !== '/slow') return echo(request, response)
        reader = request
        request.on('end', () => response.end('whole'))
      }
      const call = any.callers[version].open({ authority, method: 'POST', path: '/slow' })
      const piece = Buffer.alloc(MIB, 'x')
      let taken = 0
      const sent = (async () => {
        for (let i = 0; i < 64; i++) {
          await new Promise<void>(resolve => call.sending.write(piece, () => resolve()))
          taken++
        }
        call.sending.end()
      })()
      await until(() => reader !== undefined)
      let last = -1
      await until(async () => {
        const stopped = last === taken
        last = taken
        await new Promise(resolve => setTimeout(resolve, 200))
        return stopped && last === taken
      })
      // What the kernel's buffers on the way hold, and little more.
      expect(taken).toBeLessThan(40)
      expect((await callWhole(any.callers[version], { authority })).status).toBe(200)
      reader?.on('data', (chunk: Buffer) => {
        heard += chunk.length
      })
      await sent
      expect((await call.head).status).toBe(200)
      expect(heard).toBe(64 * MIB)
      call.cancel()
    },
  )
})

describe('an endpoint that refuses a stream', () => {
  let mesh: Mesh
  let web: SidecarUnderTest
  let caller: Caller
  let sturdy: AnyApplication
  let fickle: AnyApplication

  beforeAll(async () => {
    mesh = startMesh()
    sturdy = await mesh.with(startApplication(2))
    fickle = await mesh.with(startApplication(2))
    const at = (name: string, { port }: AnyApplication, app: string) =>
      workload(name, { labels: { app }, port, protocol: 'http2' })
    web = await mesh.sidecar('web', {
      resources: [
        ...[at('sturdy', sturdy, 'pair'), at('fickle', fickle, 'pair'), service('pair', { app: 'pair' }, 80, 'http2')],
        ...[at('alone', fickle, 'alone'), service('alone', { app: 'alone' }, 80, 'http2')],
      ],
    })
    caller = callerOf(2, web.outbound)
  })
  afterAll(async () => {
    caller.close()
    await mesh.close()
  })
  beforeEach(() => {
    sturdy.answer = echo
    fickle.answer = echo
  })

  const post = (authority: string, body = 'body') => callWhole(caller, { authority, method: 'POST', body })

  test('[RETRY-3] with REFUSED_STREAM has not looked at it: it is sent once more, whatever its method', async () => {
    let seen = 0
    fickle.answer = (request, response) => {
      if (++seen % 2 === 1) streamOf(response).close(constants.NGHTTP2_REFUSED_STREAM)
      else echo(request, response)
    }
    for (let i = 0; i < 5; i++) expect(await post('alone')).toMatchObject({ status: 200 })
    expect(seen).toBe(10)
  })

  test('[RETRY-3] always leaves it to another endpoint', async () => {
    fickle.answer = (_request, response) => streamOf(response).close(constants.NGHTTP2_REFUSED_STREAM)
    const got = await Promise.all(Array.from({ length: 20 }, (_, i) => post('pair', String(i))))
    expect(got.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 200))
  })

  test('[RETRY-3] by GOAWAY, of what is above its last stream: sent over another connection, while what is below is answered', async () => {
    const held: ServerResponse[] = []
    let gone = false
    fickle.answer = (request, response) => {
      if (request.url !== '/held') {
        if (gone) return echo(request, response)
        // Not looked at, as GOAWAY says, and nothing comes of it here.
        gone = true
        sessionOf(response).goaway(0, streamOf(held[0]!).id)
        return
      }
      request.resume()
      held.push(response)
    }
    const first = callWhole(caller, { authority: 'alone', method: 'POST', path: '/held', body: 'x' })
    await until(() => held.length === 1)
    expect((await post('alone')).status).toBe(200)
    expect(gone).toBe(true)
    held[0]?.end('late')
    expect(await first).toMatchObject({ status: 200, body: 'late' })
  })

  test('[FAULT-7] by closing a connection that was used before: a GET is sent over another, a POST is not', async () => {
    expect((await post('alone')).status).toBe(200)
    let dropped = 0
    fickle.answer = (request, response) => {
      if (dropped > 0) return echo(request, response)
      dropped++
      sessionOf(response).destroy()
    }
    expect((await callWhole(caller, { authority: 'alone' })).status).toBe(200)
    dropped = 0
    expect(await post('alone')).toMatchObject({ status: 502, headers: { 'x-selvedge-cause': 'upstream-reset' } })
    expect((await post('alone')).status).toBe(200)
  })
})
