import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { httpApplication } from '../../fakes/application.ts'
import { ask, wire } from '../../in-process/client.ts'
import { type Mesh, type SidecarUnderTest, startMesh, until } from '../../in-process/mesh.ts'
import { backend, meshPolicy, type Resource, route, service } from '../../in-process/resources.ts'
import { type DecodedSpan, type OtlpReceiver, startReceiver } from './receiver.ts'

const ABOVE = '00f067aa0ba902b7'
/** W3C trace flags, and OTLP's two bits that say whether the parent is remote. */
const [SAMPLED_FLAG, KNOWN_PARENT, REMOTE_PARENT] = [1, 256, 512]

let mesh: Mesh
let receiver: OtlpReceiver
let web: SidecarUnderTest
let catalog: SidecarUnderTest
/** Statuses of the application's next answers, by path; then 200. 0 breaks off. */
const answers = new Map<string, number[]>()
/** What the application was asked with, by path. */
const heard = new Map<string, Record<string, unknown>>()

beforeAll(async () => {
  mesh = startMesh()
  receiver = await mesh.with(startReceiver())
  const application = await mesh.with(
    httpApplication((request, response) => {
      const { url = '', headers } = request
      heard.set(url, headers)
      const status = answers.get(url)?.shift() ?? 200
      if (status === 0) response.destroy()
      else if (url !== '/silence') response.writeHead(status, { 'content-length': 2 }).end('ok')
    }),
  )
  catalog = await mesh.sidecar('catalog', { port: application.port, labels: { app: 'catalog' } })
  const known = [
    ...[catalog.workload, service('catalog', { app: 'catalog' }), service('empty', { app: 'nobody' })],
    route('catalog', { backendRefs: [backend('catalog')], retry: { attempts: 2, codes: [503], backoff: '10ms' } }),
  ]
  // The caller's spans leave over HTTP, the callee's over gRPC: one tree of both.
  web = await mesh.sidecar('web', { resources: [...known, exportTo(receiver.http)] })
  await catalog.edit(service('catalog', { app: 'catalog' }), exportTo(receiver.grpc))
})
afterAll(() => mesh.close())
/** Nothing is sampled here but what comes sampled, and errors. */
function exportTo(endpoint: string): Resource {
  return meshPolicy({ tracing: { sampling: 0, otlp: { endpoint } } })
}

/** Waits for so many spans of a kind. */
async function spansOf(count: number, wanted: (span: DecodedSpan) => boolean): Promise<readonly DecodedSpan[]> {
  const spans = async () => (await receiver.spans()).filter(wanted)
  await until(async () => (await spans()).length >= count)
  const all = await spans()
  expect(all).toHaveLength(count)
  return all
}

/** A trace of a test's own: they run side by side, because spans wait a second for each other. */
function trace(sampled = true) {
  const id = randomBytes(16).toString('hex')
  return {
    id,
    headers: { traceparent: `00-${id}-${ABOVE}-0${sampled ? 1 : 0}` },
    spans: (count: number) => spansOf(count, span => span.traceId === id),
  }
}

function below(all: readonly DecodedSpan[], parent: string): readonly DecodedSpan[] {
  return all.filter(span => span.parentSpanId === parent).sort((a, b) => Number(BigInt(a.start) - BigInt(b.start)))
}

function only(all: readonly DecodedSpan[], parent: string): DecodedSpan {
  const [span, ...more] = below(all, parent)
  if (span === undefined || more.length > 0) throw new Error(`There are ${more.length} more spans below ${parent}`)
  return span
}

/** The four spans of a request that took one attempt, from the caller's in. */
function chain(
  all: readonly DecodedSpan[],
  top: string,
): readonly [DecodedSpan, DecodedSpan, DecodedSpan, DecodedSpan] {
  const client = only(all, top)
  const attempt = only(all, client.spanId)
  const server = only(all, attempt.spanId)
  return [client, attempt, server, only(all, server.spanId)]
}

describe('OTLP, decoded with the published protobufs', () => {
  test.concurrent('one request over two sidecars is one tree: client, attempt, server, attempt', async () => {
    const traced = trace()
    const headers = { ...traced.headers, tracestate: 'vendor=1,other=2' }
    await ask(web.outbound, 'http://catalog/books/one?token=secret', { headers })
    const four = chain(await traced.spans(4), ABOVE)
    const [client, attempt, server, local] = four
    for (const span of four)
      expect(span).toMatchObject({ traceId: traced.id, traceState: 'vendor=1,other=2', name: 'GET' })
    expect(four.map(span => span.kind)).toEqual(
      ['CLIENT', 'CLIENT', 'SERVER', 'CLIENT'].map(kind => `SPAN_KIND_${kind}`),
    )
    const remote = SAMPLED_FLAG + KNOWN_PARENT + REMOTE_PARENT
    expect(four.map(span => span.flags)).toEqual([remote, remote - REMOTE_PARENT, remote, remote - REMOTE_PARENT])
    expect(four.map(span => [span.status, span.message])).toEqual(four.map(() => ['STATUS_CODE_UNSET', '']))
    for (const span of four) expect(BigInt(span.end)).toBeGreaterThanOrEqual(BigInt(span.start))
    expect(Math.abs(Number(BigInt(client.start) / 1_000_000n) - Date.now())).toBeLessThan(60_000)
    // The application is told of the span that stands above what it does.
    expect(heard.get('/books/one?token=secret')).toMatchObject({
      traceparent: `00-${traced.id}-${local.spanId}-01`,
      tracestate: 'vendor=1,other=2',
    })
    const by = (name: string) => receiver.exports.some(each => each.by === name)
    expect([by('http'), by('grpc')]).toEqual([true, true])
    expect([attempt.attributes['selvedge.span'], server.attributes['selvedge.span']]).toEqual(['attempt', 'server'])
  })

  test.concurrent('spans say what the HTTP conventions ask for, and who they are of', async () => {
    const traced = trace()
    await ask(web.outbound, 'http://catalog:80/books/edge?token=secret', { headers: traced.headers })
    const [client, , server] = chain(await traced.spans(4), ABOVE)
    expect(client.attributes).toEqual({
      ...{ 'http.request.method': 'GET', 'http.response.status_code': 200, 'network.protocol.version': '1.1' },
      ...{ 'url.scheme': 'http', 'url.path': '/books/edge', 'url.full': 'http://catalog:80/books/edge' },
      ...{ 'server.address': 'catalog', 'server.port': 80 },
      ...{ 'network.peer.address': '127.0.0.1', 'network.peer.port': catalog.inbound },
      ...{ 'selvedge.span': 'client', 'selvedge.source': 'shop/web', 'selvedge.destination': 'shop/catalog' },
      ...{ 'selvedge.route': 'shop/catalog-route', 'selvedge.mtls': true, 'selvedge.attempts': 1 },
    })
    expect(server.attributes).toEqual({
      ...{ 'http.request.method': 'GET', 'http.response.status_code': 200, 'network.protocol.version': '1.1' },
      ...{ 'url.scheme': 'http', 'url.path': '/books/edge', 'server.address': 'catalog', 'server.port': 80 },
      ...{ 'selvedge.span': 'server', 'selvedge.source': 'shop/web', 'selvedge.destination': 'shop/catalog' },
      'selvedge.mtls': true,
    })
    const sdk = {
      ...{
        'telemetry.sdk.name': 'opentelemetry',
        'telemetry.sdk.language': 'nodejs',
        'telemetry.sdk.version': '3.1.0',
      },
    }
    const of = (name: string) => ({
      ...{ 'service.name': name, 'service.namespace': 'shop', 'service.instance.id': `shop/${name}`, ...sdk },
    })
    expect([client.resource, server.resource]).toEqual([of('web'), of('catalog')])
    expect(client.scope).toEqual({ name: 'selvedge', version: '0.0.0-test' })
  })

  test.concurrent('a retry is an attempt of its own, which counts how often it was sent again', async () => {
    const traced = trace()
    answers.set('/twice', [503, 503])
    expect((await ask(web.outbound, 'http://catalog/twice', { headers: traced.headers })).status).toBe(200)
    const all = await traced.spans(10)
    const client = only(all, ABOVE)
    expect(client.attributes).toMatchObject({ 'http.response.status_code': 200, 'selvedge.attempts': 3 })
    const attempts = below(all, client.spanId)
    expect(attempts.map(span => span.attributes['http.request.resend_count'])).toEqual([undefined, 1, 2])
    expect(attempts.map(span => [span.attributes['http.response.status_code'], span.status])).toEqual([
      [503, 'STATUS_CODE_ERROR'],
      [503, 'STATUS_CODE_ERROR'],
      [200, 'STATUS_CODE_UNSET'],
    ])
    expect(attempts[0]?.attributes).toMatchObject({ 'error.type': '503', 'selvedge.outcome': 'gateway-error' })
    // What the callee did for each stands below it.
    const servers = attempts.map(attempt => only(all, attempt.spanId))
    expect(servers.map(span => [span.kind, span.attributes['http.response.status_code']])).toEqual([
      ['SPAN_KIND_SERVER', 503],
      ['SPAN_KIND_SERVER', 503],
      ['SPAN_KIND_SERVER', 200],
    ])
    expect(servers.map(span => only(all, span.spanId).attributes['selvedge.span'])).toEqual(Array(3).fill('attempt'))
  })

  test.concurrent('an answer of the mesh names its cause, in words too', async () => {
    const traced = trace()
    const answer = await ask(web.outbound, 'http://empty/', { headers: traced.headers })
    const [span] = await traced.spans(1)
    expect(span).toMatchObject({
      status: 'STATUS_CODE_ERROR',
      message: expect.stringContaining('no endpoint'),
      attributes: {
        'http.response.status_code': answer.status,
        'error.type': 'no-healthy-endpoint',
        'selvedge.cause': 'no-healthy-endpoint',
      },
    })
  })

  test.concurrent('a connection that breaks off is an error without a status', async () => {
    const traced = trace()
    answers.set('/broken', [0])
    await ask(web.outbound, 'http://catalog/broken', { method: 'POST', headers: traced.headers })
    const [client, , server, local] = chain(await traced.spans(4), ABOVE)
    expect(local).toMatchObject({ status: 'STATUS_CODE_ERROR', attributes: { 'selvedge.outcome': 'reset' } })
    expect(local.attributes).not.toHaveProperty(['http.response.status_code'])
    expect([client.attributes['error.type'], server.attributes['error.type']]).toEqual(Array(2).fill('upstream-reset'))
  })

  test.concurrent('a caller that leaves is no error of anybody', async () => {
    const traced = trace()
    const leaving = wire(web.outbound)
    leaving.send(
      `GET http://catalog/silence HTTP/1.1\r\nHost: catalog\r\ntraceparent: ${traced.headers.traceparent}\r\n\r\n`,
    )
    await until(() => heard.has('/silence'))
    leaving.socket.destroy()
    const four = chain(await traced.spans(4), ABOVE)
    for (const span of four) {
      expect(span).toMatchObject({ status: 'STATUS_CODE_UNSET', attributes: { 'selvedge.caller_left': true } })
      expect(span.attributes).not.toHaveProperty(['http.response.status_code'])
    }
  })

  test.concurrent('a method of no standard', async () => {
    const traced = trace()
    await ask(web.outbound, 'http://catalog/', { method: 'PROPFIND', headers: traced.headers })
    const [client] = chain(await traced.spans(4), ABOVE)
    expect(client).toMatchObject({
      name: 'HTTP',
      attributes: { 'http.request.method': '_OTHER', 'http.request.method_original': 'PROPFIND' },
    })
  })

  test.concurrent('a trace that begins here has a root', async () => {
    answers.set('/root', [500])
    await ask(web.outbound, 'http://catalog/root')
    const [root, ...more] = await spansOf(2, span => span.attributes['url.path'] === '/root')
    expect([root?.parentSpanId, more[0]?.parentSpanId].sort()).toEqual(['', expect.stringMatching(/^[0-9a-f]{16}$/)])
    expect(root?.traceId).toMatch(/^(?!0+$)[0-9a-f]{32}$/)
    expect(more[0]?.traceId).toBe(root?.traceId)
  })

  test.concurrent('of what nobody sampled, nothing is exported', async () => {
    const unsampled = trace(false)
    for (let i = 0; i < 50; i++) {
      const answer = await ask(web.outbound, 'http://catalog/none', { headers: i % 2 === 0 ? unsampled.headers : {} })
      expect(answer.status).toBe(200)
    }
    const sampled = trace()
    await ask(web.outbound, 'http://catalog/last', { headers: sampled.headers })
    await sampled.spans(4)
    await spansOf(0, span => span.attributes['url.path'] === '/none')
  })

  test.concurrent('what came sampled is exported, whatever the share', async () => {
    const traced = trace()
    await ask(web.outbound, 'http://catalog/', { headers: traced.headers })
    chain(await traced.spans(4), ABOVE)
  })

  test.concurrent('errors are exported always: not as sampled, below the span that was handed on', async () => {
    const unsampled = trace(false)
    answers.set('/error', [500])
    await ask(web.outbound, 'http://catalog/error', { headers: unsampled.headers })
    const two = await unsampled.spans(2)
    expect(two.map(span => [span.parentSpanId, span.flags & SAMPLED_FLAG])).toEqual(Array(2).fill([ABOVE, 0]))
    expect(two.map(span => span.kind).sort()).toEqual(['SPAN_KIND_CLIENT', 'SPAN_KIND_SERVER'])
  })
})
