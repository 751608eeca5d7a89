import type { ServerResponse } from 'node:http'
import type { ServerHttp2Stream } from 'node:http2'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Mesh, type SidecarUnderTest, startMesh, until } from '../../in-process/mesh.ts'
import { backend, route, service, trafficPolicy, workload } from '../../in-process/resources.ts'
import { type Answerer, type AnyApplication, startApplication } from './applications.ts'
import { type Call, type Caller, callerOf, callWhole, type Got } from './callers.ts'

// gRPC as it looks on the wire (gRPC over HTTP/2; gRFC A6), through two sidecars and through one.

const CALL = { 'content-type': 'application/grpc', te: 'trailers' }
/** A message of five bytes. */
const HELLO = Buffer.concat([Buffer.from([0, 0, 0, 0, 5]), Buffer.from('hello')])

let mesh: Mesh
let web: SidecarUnderTest
let caller: Caller
const applications: AnyApplication[] = []

beforeAll(async () => {
  mesh = startMesh()
  const labels = { app: 'grpc' }
  const resources = []
  for (const name of ['one', 'two']) {
    const application = await mesh.with(startApplication(2))
    applications.push(application)
    const { port } = application
    resources.push((await mesh.sidecar(name, { port, protocol: 'grpc', labels })).workload)
    resources.push(workload(`plain-${name}`, { labels: { app: 'plain' }, port, protocol: 'grpc' }))
  }
  const retry = { codes: [503], attempts: 2, backoff: '1ms' }
  web = await mesh.sidecar('web', {
    resources: [
      ...resources,
      ...[service('calls', labels, 80, 'grpc'), service('plain', { app: 'plain' }, 80, 'grpc')],
      ...['nobody', 'ruled', 'hurried', 'invalid'].map(name =>
        service(name, name === 'nobody' ? { app: name } : labels),
      ),
      ...[service('full', labels), trafficPolicy('full', { circuitBreaker: { maxRequests: 1 } })],
      route('ruled', {
        matches: [{ path: { type: 'PathPrefix', value: '/only.This' } }],
        backendRefs: [backend('ruled')],
        retry,
      }),
      route('hurried', { backendRefs: [backend('hurried')], timeouts: { request: '100ms' } }),
      route('invalid', { backendRefs: [backend('not-there')] }),
    ],
  })
  caller = callerOf(2, web.outbound)
})

afterAll(async () => {
  caller.close()
  await mesh.close()
})

beforeEach(() => answer(ok))

function answer(how: Answerer): void {
  for (const application of applications) application.answer = how
}

/** A whole answer of one message. */
const ok: Answerer = (request, response) => {
  request.resume()
  response.writeHead(200, CALL)
  response.write(HELLO)
  response.addTrailers({ 'grpc-status': '0' })
  response.end()
}

/** A head that is all of the answer. */
const only =
  (fields: Readonly<Record<string, string>>): Answerer =>
  (request, response) => {
    request.resume()
    streamOf(response).respond({ ':status': 200, ...CALL, ...fields }, { endStream: true })
  }

function streamOf(response: ServerResponse): ServerHttp2Stream {
  return (response as unknown as { readonly stream: ServerHttp2Stream }).stream
}

const call = (authority: string, headers: Readonly<Record<string, string>> = {}, more: Partial<Call> = {}) =>
  callWhole(caller, {
    ...{ authority, method: 'POST', path: '/only.This/Call', body: HELLO, headers: { ...CALL, ...headers } },
    ...more,
  })

/** What a client of gRPC makes of an answer: the code, and why. */
function outcome({ status, headers, trailers }: Got): readonly [http: number, code: unknown, cause: unknown] {
  const last = { ...headers, ...trailers }
  return [status, last['grpc-status'], last['x-selvedge-cause']]
}

/** How many exchanges have ended with these labels. */
async function counted(...labels: readonly string[]): Promise<number> {
  const text = await web.page('/metrics')
  return text
    .split('\n')
    .filter(line => line.startsWith('selvedge_requests_total{') && labels.every(label => line.includes(label)))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0)
}

describe("[H2-19] the mesh's own answers to gRPC are trailers-only", () => {
  test.each([
    ['nobody', 14, 'no-healthy-endpoint'],
    ['invalid', 14, 'unknown-destination'],
    ['hurried', 4, 'request-timeout'],
  ])('from %s: %d, %s', async (authority, code, cause) => {
    answer(request => void request.resume())
    const got = await call(authority)
    expect(outcome(got)).toEqual([200, String(code), cause])
    expect(got).toMatchObject({ body: '', trailers: {} })
    expect(got.headers['content-type']).toBe('application/grpc')
    expect(got.headers['grpc-message']).toMatch(new RegExp(`^selvedge: ${cause}: [ -~]+$`))
    await until(async () => (await counted('code="200"', `grpc_status="${code}"`, `cause="${cause}"`)) === 1)
  })

  test('404 to 12: no rule matches', async () => {
    expect(outcome(await call('ruled', {}, { path: '/another.One/Call' }))).toEqual([200, '12', 'route-not-found'])
  })

  test('503 to 14: the breaker is open', async () => {
    const held: ServerResponse[] = []
    answer((request, response) => {
      request.resume()
      held.push(response)
    })
    const first = call('full')
    await until(() => held.length === 1)
    expect(outcome(await call('full'))).toEqual([200, '14', 'circuit-open'])
    streamOf(held[0]!).respond({ ':status': 200, ...CALL, 'grpc-status': '0' }, { endStream: true })
    expect(outcome(await first)).toEqual([200, '0', undefined])
  })

  test('and others are answered as before', async () => {
    const got = await callWhole(caller, { authority: 'nobody', headers: { 'content-type': 'application/grpc-web' } })
    expect(got).toMatchObject({ status: 503, headers: { 'x-selvedge-cause': 'no-healthy-endpoint' } })
    expect(got.headers['grpc-status']).toBeUndefined()
  })
})

describe('[H2-17] a deadline', () => {
  test.each(['5', 'S', '1s', '-1S', '123456789S'])(
    '%j is malformed: INTERNAL, and nothing goes upstream',
    async timeout => {
      let seen = 0
      answer((request, response) => {
        seen++
        ok(request, response)
      })
      expect(outcome(await call('calls', { 'grpc-timeout': timeout }))).toEqual([200, '13', 'bad-request'])
      expect(seen).toBe(0)
    },
  )

  test.each(['calls', 'plain'])('goes on to %s as what remains of it', async authority => {
    const heard: unknown[] = []
    answer((request, response) => {
      heard.push(request.headers['grpc-timeout'])
      ok(request, response)
    })
    expect(outcome(await call(authority, { 'grpc-timeout': '2S' }))[1]).toBe('0')
    const [text] = heard as [string]
    expect(text).toMatch(/^1[0-9]{3}m$/)
    // Longer than any timer takes: the longest that one does.
    expect(outcome(await call(authority, { 'grpc-timeout': '99999999H' }))[1]).toBe('0')
    expect(heard[1]).toMatch(/^2073(?:5[0-9]{2}|600)S$/)
  })

  test('ends the call, at the application too', async () => {
    let ended = false
    answer((request, response) => {
      request.resume()
      response.on('close', () => {
        ended = true
      })
    })
    const began = performance.now()
    expect(outcome(await call('calls', { 'grpc-timeout': '100m' }))).toEqual([200, '4', 'request-timeout'])
    expect(performance.now() - began).toBeGreaterThan(95)
    await until(() => ended)
  })

  test("is the route's where that ends sooner", async () => {
    const heard: unknown[] = []
    answer((request, response) => {
      heard.push(request.headers['grpc-timeout'])
      ok(request, response)
    })
    await call('hurried', { 'grpc-timeout': '5S' })
    await call('hurried')
    for (const text of heard) expect(text).toMatch(/^(?:100000|[0-9]{4,5})u$/)
  })
})

describe('[H2-18] an answer that ends without a status', () => {
  test.each(['calls', 'plain'])('is UNKNOWN, as the mesh says behind it (%s)', async authority => {
    answer((request, response) => {
      request.resume()
      response.writeHead(200, CALL)
      response.end(HELLO)
    })
    const got = await call(authority)
    expect(outcome(got)).toEqual([200, '2', 'upstream-protocol-error'])
    expect(got.body).toBe(HELLO.toString())
    expect(got.trailers['grpc-message']).toMatch(/^selvedge: upstream-protocol-error: /)
    await until(async () => (await counted('grpc_status="2"', 'cause="upstream-protocol-error"')) > 0)
  })

  test('with another HTTP status says enough, and stays as it is', async () => {
    answer((request, response) => {
      request.resume()
      response.writeHead(418, { 'content-type': 'text/plain' })
      response.end('teapot')
    })
    expect(await call('calls')).toMatchObject({ status: 418, body: 'teapot', trailers: {} })
  })

  test('[FAULT-5] that breaks off is never a good one: UNAVAILABLE', async () => {
    answer((request, response) => {
      request.resume()
      response.writeHead(200, CALL)
      response.write(HELLO)
      setTimeout(() => streamOf(response).close(2), 20)
    })
    expect(outcome(await call('calls'))).toEqual([200, '14', 'upstream-reset'])
  })
})

test('what an application says itself passes: status, message, binary metadata, both ways', async () => {
  let heard: unknown
  answer((request, response) => {
    heard = request.headers['x-trace-bin']
    only({ 'grpc-status': '5', 'grpc-message': 'no%20such%20book', 'x-detail-bin': 'AAEC/w==' })(request, response)
  })
  const got = await call('calls', { 'x-trace-bin': '3q2+7w' })
  expect(heard).toBe('3q2+7w')
  expect(outcome(got)).toEqual([200, '5', undefined])
  expect(got.headers).toMatchObject({ 'grpc-message': 'no%20such%20book', 'x-detail-bin': 'AAEC/w==' })
  await until(async () => (await counted('code="200"', 'grpc_status="5"', 'cause=""')) === 1)
})

describe('a call that an endpoint could not serve', () => {
  test('[RETRY-7] is tried again where a rule says 503, and says how often it was', async () => {
    const heard: unknown[] = []
    answer((request, response) => {
      heard.push(request.headers['grpc-previous-rpc-attempts'])
      if (heard.length < 3) only({ 'grpc-status': '14' })(request, response)
      else ok(request, response)
    })
    expect(outcome(await call('ruled'))[1]).toBe('0')
    expect(heard).toEqual([undefined, '1', '2'])
    heard.length = 0
    expect(outcome(await call('ruled', { 'grpc-previous-rpc-attempts': '3' }))[1]).toBe('0')
    expect(heard).toEqual(['3', '4', '5'])
  })

  test('is not tried again for another code, nor without a rule', async () => {
    let seen = 0
    answer((request, response) => {
      seen++
      only({ 'grpc-status': seen === 1 ? '13' : '14' })(request, response)
    })
    expect(outcome(await call('ruled'))[1]).toBe('13')
    expect(outcome(await call('calls'))[1]).toBe('14')
    expect(seen).toBe(2)
  })

  test('[RETRY-6] grpc-retry-pushback-ms says when; below 0, or malformed, never', async () => {
    const times: number[] = []
    answer((request, response) => {
      times.push(performance.now())
      if (times.length === 1) only({ 'grpc-status': '14', 'grpc-retry-pushback-ms': '150' })(request, response)
      else ok(request, response)
    })
    expect(outcome(await call('ruled'))[1]).toBe('0')
    expect(times[1]! - times[0]!).toBeGreaterThanOrEqual(145)
    for (const text of ['-1', 'soon']) {
      let seen = 0
      answer((request, response) => {
        seen++
        only({ 'grpc-status': '14', 'grpc-retry-pushback-ms': text })(request, response)
      })
      expect(outcome(await call('ruled'))[1]).toBe('14')
      expect(seen).toBe(1)
    }
  })

  test('counts against its endpoint, also by its trailers', async () => {
    answer((request, response) => {
      request.resume()
      response.writeHead(200, CALL)
      response.write(HELLO)
      response.addTrailers({ 'grpc-status': '14' })
      response.end()
    })
    const ejected = async () =>
      (await web.endpoints())
        .find(({ destination }) => destination === 'shop/plain')
        ?.endpoints.filter(endpoint => endpoint.ejected).length ?? 0
    for (let i = 0; i < 30 && (await ejected()) === 0; i++) await call('plain')
    expect(await ejected()).toBeGreaterThan(0)
  })
})

test('calls on one connection are balanced one by one', async () => {
  const seen = applications.map(() => 0)
  for (const [i, application] of applications.entries()) {
    application.answer = (request, response) => {
      seen[i]!++
      ok(request, response)
    }
  }
  await Promise.all(Array.from({ length: 200 }, () => call('calls')))
  expect(seen[0]! + seen[1]!).toBe(200)
  expect(Math.min(...seen)).toBeGreaterThan(20)
})

test('[H2-16] a message that claims four gigabytes makes nobody set them aside', async () => {
  let heard = 0
  answer((request, response) => {
    request.on('data', (chunk: Buffer) => {
      heard += chunk.length
    })
    request.on('end', () => only({ 'grpc-status': '3' })(request, response))
  })
  const before = process.memoryUsage()
  const body = Buffer.concat([Buffer.from([0, 0xff, 0xff, 0xff, 0xff]), Buffer.alloc(100)])
  expect(outcome(await call('calls', {}, { body }))[1]).toBe('3')
  expect(heard).toBe(105)
  const after = process.memoryUsage()
  expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(16 * 1024 * 1024)
  expect(after.rss - before.rss).toBeLessThan(64 * 1024 * 1024)
})

test('messages pass one by one, both ways at the same time', async () => {
  answer((request, response) => {
    response.writeHead(200, CALL)
    request.on('data', (chunk: Buffer) => response.write(chunk))
    request.on('end', () => {
      response.addTrailers({ 'grpc-status': '0' })
      response.end()
    })
  })
  const open = caller.open({ authority: 'calls', method: 'POST', path: '/only.This/Stream', headers: CALL })
  const { body } = await open.head.catch(() => {
    throw new Error('no head before the first message')
  })
  const heard: string[] = []
  body.on('data', (chunk: Buffer) => void heard.push(chunk.subarray(5).toString()))
  for (let i = 0; i < 5; i++) {
    open.sending.write(HELLO)
    await until(() => heard.length === i + 1)
  }
  open.sending.end()
  await until(() => open.trailers()['grpc-status'] === '0')
  expect(heard.join('')).toBe('hello'.repeat(5))
})

describe('an application that is gone', () => {
  test('[RETRY-3] is said to be gone by its sidecar, and the call goes to another', async () => {
    await applications[0]!.close()
    const got = await Promise.all(Array.from({ length: 20 }, () => call('calls')))
    expect(new Set(got.map(each => outcome(each)[1]))).toEqual(new Set(['0']))
  })

  test('[H2-19] when no other is left, is UNAVAILABLE', async () => {
    await applications[1]!.close()
    expect(outcome(await call('calls'))).toEqual([200, '14', 'connect-failed'])
  })
})
