import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { constants, type ServerHttp2Stream } from 'node:http2'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { until } from '../../in-process/mesh.ts'
import { type Echoed, echo } from './applications.ts'
import { type Call, callWhole, type Got } from './callers.ts'
import { type AnyMesh, startAnyMesh, WAYS } from './kit.ts'

let any: AnyMesh

beforeAll(async () => {
  any = await startAnyMesh()
})

afterAll(() => any.close())

describe.each(WAYS)('from HTTP/$from to HTTP/$to ($place)', ({ from, to, name }) => {
  const ask = (call: Omit<Call, 'authority'> = {}): Promise<Got> =>
    callWhole(any.callers[from], { authority: any.targets[name].authority, ...call })
  const open = (call: Omit<Call, 'authority'>) =>
    any.callers[from].open({ authority: any.targets[name].authority, ...call })
  const application = () => any.targets[name].application

  beforeEach(() => {
    application().answer = echo
  })

  test('what is said arrives as it was said: method, target, authority, and fields in their order', async () => {
    const headers = { 'x-b': '2', accept: '*/*', 'x-a': '1', 'x-long': 'v'.repeat(2_000) }
    const { status, body } = await ask({ method: 'GET', path: '/a/b?c=%20d&e', headers })
    const echoed = JSON.parse(body) as Echoed
    expect(status).toBe(200)
    expect(echoed).toMatchObject({
      ...{ version: to === 1 ? '1.1' : '2.0', method: 'GET', url: '/a/b?c=%20d&e', authority: name, body: '' },
    })
    const names = echoed.fields.filter((field, i) => i % 2 === 0 && field.toLowerCase() in headers)
    expect(names.map(each => each.toLowerCase())).toEqual(Object.keys(headers))
    for (const [field, value] of Object.entries(headers)) {
      expect(echoed.fields[echoed.fields.findIndex(each => each.toLowerCase() === field) + 1]).toBe(value)
    }
  })

  test.each(['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'REPORT'])('%s goes on with its body', async method => {
    // REPORT is one of those that few know, and Node does.
    const sized = await ask({ method, body: 'hello', headers: { 'content-length': '5' } })
    expect(JSON.parse(sized.body)).toMatchObject({ method, body: 'hello' })
    const chunked = await ask({
      method,
      body: 'hello',
      ...(from === 1 ? { headers: { 'transfer-encoding': 'chunked' } } : {}),
    })
    expect(JSON.parse(chunked.body)).toMatchObject({ method, body: 'hello' })
  })

  test('cookies are one field, however they are cut', async () => {
    const { body } = await ask({ headers: { cookie: from === 1 ? 'a=1; b=2; c=3' : ['a=1', 'b=2', 'c=3'] } })
    const { fields } = JSON.parse(body) as Echoed
    expect(fields.flatMap((field, i) => (field.toLowerCase() === 'cookie' ? [fields[i + 1]] : []))).toEqual([
      'a=1; b=2; c=3',
    ])
  })

  test('each Set-Cookie of an answer stays a field of its own', async () => {
    application().answer = (_request, response) => {
      response.setHeader('set-cookie', ['a=1', 'b=2'])
      response.end()
    }
    expect((await ask()).headers['set-cookie']).toEqual(['a=1', 'b=2'])
  })

  test('an answer to HEAD, 204 and 304 have no body, and keep what they say of one', async () => {
    application().answer = (request, response) => {
      response.statusCode = Number(/\/(\d+)/.exec(request.url ?? '')?.[1])
      response.setHeader('etag', '"x"')
      if (request.method === 'HEAD') response.setHeader('content-length', '1234')
      response.end()
    }
    const head = await ask({ method: 'HEAD', path: '/200' })
    expect(head).toMatchObject({ status: 200, body: '' })
    expect(head.headers).toMatchObject({ 'content-length': '1234', etag: '"x"' })
    for (const status of [204, 304]) {
      const got = await ask({ path: `/${status}` })
      expect(got).toMatchObject({ status, body: '' })
      expect(got.headers).toMatchObject({ etag: '"x"' })
    }
  })

  test('interim answers come before the answer', async () => {
    application().answer = (_request, response) => {
      response.writeEarlyHints({ link: '</style.css>; rel=preload' })
      setTimeout(() => response.end('ok'), 20)
    }
    expect(await ask()).toMatchObject({ status: 200, body: 'ok', interim: ['103 </style.css>; rel=preload'] })
  })

  test('[H1-20] who waits for 100 Continue is told, and then sends', async () => {
    const call = open({ method: 'POST', headers: { expect: '100-continue', 'content-length': '4' } })
    if ('flushHeaders' in call.sending) (call.sending as unknown as { flushHeaders(): void }).flushHeaders()
    await until(() => call.interim.length > 0)
    expect(call.interim).toEqual(['100 '])
    call.sending.end('body')
    const { status, body } = await call.head
    const parts: Buffer[] = []
    for await (const part of body) parts.push(part as Buffer)
    expect(status).toBe(200)
    expect(JSON.parse(Buffer.concat(parts).toString())).toMatchObject({ body: 'body' })
  })

  test('an answer without a length comes piece by piece, each as soon as it is there', async () => {
    let more: (() => void) | undefined
    application().answer = (_request, response) => {
      response.write('first')
      more = () => response.end('second')
    }
    const call = open({})
    call.sending.end()
    const { body } = await call.head
    const [first] = (await once(body, 'data')) as [Buffer]
    expect(first.toString()).toBe('first')
    more?.()
    const [second] = (await once(body, 'data')) as [Buffer]
    expect(second.toString()).toBe('second')
  })

  test('trailers go both ways, but for those that belong to a head', async () => {
    application().answer = (request, response) => {
      request.resume()
      request.on('end', () => {
        // HTTP/1.1 has trailers behind chunks only.
        response.write('body')
        const { 'x-sum': sum, authorization } = request.trailers
        response.addTrailers({ 'x-heard': `${sum} ${authorization}`, 'x-selvedge-cause': 'denied', 'x-other': 'z' })
        response.end()
      })
    }
    const got = await ask({ method: 'POST', body: 'hello', trailers: { 'x-sum': '42', authorization: 'evil' } })
    expect(got).toMatchObject({ status: 200, body: 'body' })
    expect(got.trailers).toEqual({ 'x-heard': '42 undefined', 'x-other': 'z' })
  })

  test('a head of nearly 64 KiB goes on, either way', async () => {
    const long = 'y'.repeat(60_000)
    application().answer = (request, response) => {
      response.setHeader('x-back', request.headers['x-there'] as string)
      response.end()
    }
    const got = await ask({ headers: { 'x-there': long } })
    expect(got.status).toBe(200)
    expect(got.headers['x-back']).toBe(long)
  })

  test('bodies of megabytes pass both ways at once', async () => {
    application().answer = (request, response) => void request.pipe(response)
    const call = open({ method: 'POST' })
    const piece = Buffer.alloc(64 * 1024, 'x')
    const pieces = 64
    const sent = (async () => {
      for (let i = 0; i < pieces; i++) if (!call.sending.write(piece)) await once(call.sending, 'drain')
      call.sending.end()
    })()
    const { body } = await call.head
    let bytes = 0
    for await (const part of body) bytes += (part as Buffer).length
    await sent
    expect(bytes).toBe(pieces * piece.length)
  })

  test('[H1-21] an answer before the body is whole is the answer, and the rest is not waited for', async () => {
    application().answer = (_request, response) => {
      response.statusCode = 413
      response.end('too large')
    }
    const call = open({ method: 'POST' })
    call.sending.on('error', () => undefined)
    call.sending.write('begun')
    const { status, body } = await call.head
    expect(status).toBe(413)
    const parts: Buffer[] = []
    for await (const part of body) parts.push(part as Buffer)
    expect(Buffer.concat(parts).toString()).toBe('too large')
    call.cancel()
    application().answer = echo
    expect((await ask()).status).toBe(200)
  })

  test.each(['before its answer', 'within its answer'])(
    'a caller that goes away %s ends it at the application',
    async when => {
      let gone = false
      let heard = false
      application().answer = (_request, response) => {
        heard = true
        response.on('close', () => {
          gone = !response.writableEnded
        })
        if (when === 'within its answer') response.write('first')
      }
      const call = open({})
      call.sending.on('error', () => undefined)
      call.sending.end()
      if (when === 'within its answer') await once((await call.head).body, 'data')
      else await until(() => heard)
      call.cancel()
      await until(() => gone)
    },
  )

  test('[FAULT-5] an answer that the application breaks off is never a whole one', async () => {
    application().answer = (_request, response) => {
      response.write('half')
      setTimeout(() => {
        breakOff(response)
      }, 20)
    }
    const call = open({})
    call.sending.end()
    const { body } = await call.head
    const ended = async (): Promise<string> => {
      let text = ''
      for await (const part of body) text += (part as Buffer).toString()
      return text
    }
    await expect(ended()).rejects.toThrow()
  })

  test('a hundred calls at once are answered, each with its own', async () => {
    const numbers = Array.from({ length: 100 }, (_, i) => String(i))
    const got = await Promise.all(numbers.map(i => ask({ method: 'POST', path: `/${i}`, body: i })))
    expect(got.map(({ body }) => (JSON.parse(body) as Echoed).body)).toEqual(numbers)
  })
})

function breakOff(response: ServerResponse): void {
  // Of HTTP/2 it is the stream.
  if ('stream' in response) (response.stream as ServerHttp2Stream).close(constants.NGHTTP2_INTERNAL_ERROR)
  else response.socket?.destroy()
}
