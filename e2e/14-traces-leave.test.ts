import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type DecodedSpan, type OtlpReceiver, startReceiver } from '../test/conformance/otlp/receiver.ts'
import { type Caller, callerIn, callerProcess, echoProcess } from './kit/caller.ts'
import { eventually } from './kit/eventually.ts'
import { type Mesh, startMesh } from './kit/mesh.ts'

/** Spans wait a second for each other. */
const EXPORTED_MS = 10_000
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const ABOVE = '00f067aa0ba902b7'

let receiver: OtlpReceiver
let mesh: Mesh
let caller: Caller

/** Caller, storefront, catalog; and reviews, which answers 503 to everything. */
beforeAll(async () => {
  // Of a developer's shell: a proxy that isn't there, and a token for the collector.
  for (const name of ['grpc_proxy', 'http_proxy', 'HTTP_PROXY']) vi.stubEnv(name, 'http://127.0.0.1:1')
  vi.stubEnv('OTEL_EXPORTER_OTLP_HEADERS', 'authorization=Bearer%20of-the-environment')
  receiver = await startReceiver()
  mesh = await startMesh(
    [
      echoProcess('storefront', 'storefront'),
      echoProcess('catalog', 'catalog'),
      echoProcess('reviews', 'reviews', ', ANSWER: "503"'),
      callerProcess(),
      `
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: reviews, namespace: shop }
spec:
  parentRefs: [{ group: '', kind: Service, name: reviews }]
  rules: [{ backendRefs: [{ name: reviews, port: 80 }], retry: { codes: [503], attempts: 2, backoff: 10ms } }]
`,
      tracing(receiver.http),
    ].join(''),
  )
  caller = await callerIn(mesh)
}, 90_000)
afterAll(async () => {
  vi.unstubAllEnvs()
  await mesh?.stop()
  await receiver?.close()
})

function tracing(endpoint: string): string {
  return `
---
apiVersion: selvedge.dev/v1
kind: MeshPolicy
metadata: { name: default, namespace: selvedge-system }
spec: { tracing: { sampling: 100, otlp: { endpoint: "${endpoint}" } } }
`
}

function trace(id: string, count: number): Promise<readonly DecodedSpan[]> {
  return eventually(`${count} spans have come`, EXPORTED_MS, async () => {
    const spans = (await receiver.spans()).filter(span => span.traceId === id)
    return spans.length >= count ? spans : undefined
  })
}

/** Each span as `service.name span`, below its parent's; a parent comes before its children. */
function tree(spans: readonly DecodedSpan[], parent: string, depth = 0): string[] {
  return spans
    .filter(span => span.parentSpanId === parent)
    .sort((a, b) => Number(BigInt(a.start) - BigInt(b.start)))
    .flatMap(span => [
      `${'  '.repeat(depth)}${span.resource['service.name']} ${span.attributes['selvedge.span']} ${span.attributes['http.response.status_code']}`,
      ...tree(spans, span.spanId, depth + 1),
    ])
}

function through(...services: readonly string[]): string {
  return services.reduceRight(
    (url, name) => `http://${name}/${url === '' ? 'end' : `call?url=${encodeURIComponent(url)}`}`,
    '',
  )
}

describe('selvedge up with a collector', () => {
  test('one request over three services is one connected tree at the collector, each span below what caused it', async () => {
    await caller.once({ url: through('storefront', 'catalog'), headers: { traceparent: `00-${TRACE}-${ABOVE}-01` } })
    const spans = await trace(TRACE, 8)
    expect(tree(spans, ABOVE)).toEqual([
      'caller client 200',
      '  caller attempt 200',
      '    storefront server 200',
      '      storefront attempt 200',
      '        storefront client 200',
      '          storefront attempt 200',
      '            catalog server 200',
      '              catalog attempt 200',
    ])
    const fields = { authorization: 'Bearer of-the-environment' }
    expect(receiver.exports.at(-1)).toMatchObject({ by: 'http', fields })
    const instances = new Map(spans.map(span => [span.resource['service.name'], span.resource['service.instance.id']]))
    expect([...instances].toSorted()).toEqual([
      ['caller', 'shop/caller'],
      ['catalog', 'shop/catalog'],
      ['storefront', 'shop/storefront'],
    ])
  })

  test('a trace that nobody began has a root, and every other span a parent that came too', async () => {
    receiver.forget()
    await caller.burst({ url: through('storefront', 'catalog'), count: 20, concurrency: 4 })
    const all = await eventually('all spans have come', EXPORTED_MS, async () => {
      const spans = await receiver.spans()
      return spans.length >= 160 ? spans : undefined
    })
    expect(all).toHaveLength(160)
    const byTrace = Map.groupBy(all, span => span.traceId)
    expect(byTrace.size).toBe(20)
    for (const spans of byTrace.values()) expect(tree(spans, '')).toHaveLength(8)
  })

  test('retries are attempts of their own below one client span', async () => {
    const id = TRACE.replace('4bf9', 'aaaa')
    await caller.once({ url: 'http://reviews/', headers: { traceparent: `00-${id}-${ABOVE}-01` } })
    const spans = await trace(id, 10)
    expect(tree(spans, ABOVE)).toEqual([
      'caller client 503',
      ...Array.from({ length: 3 }, () => [
        '  caller attempt 503',
        '    reviews server 503',
        '      reviews attempt 503',
      ]).flat(),
    ])
    const attempts = spans.filter(
      span => span.attributes['selvedge.span'] === 'attempt' && span.resource['service.name'] === 'caller',
    )
    expect(attempts.map(span => span.attributes['http.request.resend_count'] ?? 0).toSorted()).toEqual([0, 1, 2])
  })

  test('another policy moves all sidecars to another protocol while they run, and goes on without a control plane', async () => {
    receiver.forget()
    await mesh.apply(tracing(receiver.grpc))
    process.kill(mesh.controlPlane().pid, 'SIGSTOP')
    try {
      const id = TRACE.replace('4bf9', 'bbbb')
      await caller.once({ url: through('storefront', 'catalog'), headers: { traceparent: `00-${id}-${ABOVE}-01` } })
      expect(tree(await trace(id, 8), ABOVE)).toHaveLength(8)
      expect(receiver.exports.at(-1)).toMatchObject({
        by: 'grpc',
        fields: { authorization: 'Bearer of-the-environment' },
      })
    } finally {
      process.kill(mesh.controlPlane().pid, 'SIGCONT')
    }
  })
})
