import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { httpApplication } from '../../fakes/application.ts'
import { ask } from '../../in-process/client.ts'
import { type Mesh, type SidecarUnderTest, startMesh, until } from '../../in-process/mesh.ts'
import { backend, meshPolicy, type Resource, route, service } from '../../in-process/resources.ts'
import { type DecodedSpan, type OtlpReceiver, startReceiver } from './receiver.ts'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const ABOVE = '00f067aa0ba902b7'
const SAMPLED = { traceparent: `00-${TRACE}-${ABOVE}-01` }

let mesh: Mesh
let receiver: OtlpReceiver
let web: SidecarUnderTest
let catalog: SidecarUnderTest
let others: readonly Resource[]
/** Answers of the application, first to last; then 200. */
let answers: number[] = []
/** What the application was asked with. */
let heard: Record<string, unknown>[] = []

beforeAll(async () => {
  mesh = startMesh()
  receiver = await mesh.with(startReceiver())
  const application = await mesh.with(
    httpApplication((request, response) => {
      heard.push(request.headers)
      response.writeHead(answers.shift() ?? 200, { 'content-length': 2 }).end('ok')
    }),
  )
  catalog = await mesh.sidecar('catalog', { port: application.port, labels: { app: 'catalog' } })
  others = [
    catalog.workload,
    service('catalog', { app: 'catalog' }),
    route('catalog', {
      backendRefs: [backend('catalog')],
      retry: { attempts: 2, codes: [503], backoff: '10ms' },
    }),
  ]
  web = await mesh.sidecar('web', { resources: others })
})
afterAll(() => mesh.close())
beforeEach(() => {
  answers = []
  heard = []
  receiver.forget()
})

async function exportTo(endpoint: string, sampling = 100): Promise<void> {
  const policy = meshPolicy({ tracing: { sampling, otlp: { endpoint } } })
  const [own] = others
  await web.edit(...others, policy)
  await catalog.edit(service('catalog', { app: 'catalog' }), policy)
  if (own === undefined) throw new Error('There is no workload')
}

async function spans(count: number): Promise<readonly DecodedSpan[]> {
  await until(async () => (await receiver.spans()).length >= count)
  const all = await receiver.spans()
  expect(all).toHaveLength(count)
  return all
}

describe.each(['http', 'grpc'] as const)('OTLP over %s', protocol => {
  beforeAll(() => exportTo(receiver[protocol]))

  test('one request over two sidecars is one tree: client, attempt, server, attempt', async () => {
    await ask(web.outbound, 'http://catalog/books/edge?token=secret', {
      headers: { ...SAMPLED, tracestate: 'vendor=1' },
    })
    const all = await spans(4)
    const below = (parent: string): DecodedSpan => {
      const [child, ...more] = all.filter(span => span.parentSpanId === parent)
      if (child === undefined || more.length > 0) throw new Error(`${1 + more.length} spans below ${parent}`)
      return child
    }
    const client = below(ABOVE)
    const attempt = below(client.spanId)
    const server = below(attempt.spanId)
    const local = below(server.spanId)
    expect(all.map(span => [span.traceId, span.traceState])).toEqual(all.map(() => [TRACE, 'vendor=1']))
    expect([client, attempt, server, local].map(span => span.kind)).toEqual([
      'SPAN_KIND_CLIENT',
      'SPAN_KIND_CLIENT',
      'SPAN_KIND_SERVER',
      'SPAN_KIND_CLIENT',
    ])
    // The application is told of the span that stands above what it does.
    expect(heard).toMatchObject([{ traceparent: `00-${TRACE}-${local.spanId}-01`, tracestate: 'vendor=1' }])
  })
})
