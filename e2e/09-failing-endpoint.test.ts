import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Caller, callerIn, callerProcess, echoProcess } from './kit/caller.ts'
import { type Mesh, startMesh } from './kit/mesh.ts'

const REQUESTS = 3_000
const CALLERS = ['caller-1', 'caller-2'] as const
/** What is promised of callers: fewer than one request in a hundred fails. */
const FAILED_SHARE_MAX = 0.01

const policies = `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: hello, namespace: shop }
spec:
  parentRefs: [{ group: "", kind: Service, name: hello }]
  rules:
    - backendRefs: [{ name: hello, port: 80 }]
      retry: { codes: [503], attempts: 2 }
---
apiVersion: selvedge.dev/v1
kind: TrafficPolicy
metadata: { name: hello, namespace: shop }
spec:
  targetRef: { kind: Service, name: hello }
  outlierDetection: { consecutiveErrors: 5, baseEjectionTime: 10s, maxEjectedPercent: 50 }
`

let mesh: Mesh
let callers: Caller[]

beforeAll(async () => {
  mesh = await startMesh(
    [
      echoProcess('good', 'hello'),
      echoProcess('bad', 'hello', ', ANSWER: "503"'),
      ...CALLERS.map(name => callerProcess(name)),
    ].join(''),
  )
  callers = await Promise.all(CALLERS.map(name => callerIn(mesh, name)))
}, 60_000)
afterAll(async () => {
  await mesh?.stop()
})

describe('of two endpoints, one answers everything with 503', () => {
  test('without any policy callers see it', async () => {
    const counts = await callers[0]?.burst({ url: 'http://hello/', count: 10, concurrency: 2 })
    expect(counts?.failed).toBeGreaterThan(0)
    expect(counts?.failures[0]).toBe('503  from bad')
  })

  test('with a retry policy and outlier ejection under 1% of the requests of each caller fail', async () => {
    await mesh.apply(policies)
    const all = await Promise.all(
      callers.map(caller => caller.burst({ url: 'http://hello/', count: REQUESTS, concurrency: 8 })),
    )
    for (const [i, counts] of all.entries()) {
      const why = counts.failed === 0 ? '' : `, the first: ${counts.failures[0]}`
      console.log(`${CALLERS[i]}: ${counts.failed} of ${counts.done} failed${why}`)
      expect(counts.done).toBe(REQUESTS)
      expect(counts.failed / counts.done).toBeLessThan(FAILED_SHARE_MAX)
    }
  })

  test('is ejected where the good one is so busy that the failing one looks better', async () => {
    const [caller] = callers
    // Peak EWMA alone keeps most requests away from an endpoint that fails; only a queue at the other one makes it worth a try.
    const counts = await caller?.burst({ url: 'http://hello/?ms=30', count: 4_000, concurrency: 200 })
    console.log(`busy: ${counts?.failed} of ${counts?.done} failed`)
    expect((counts?.failed ?? 0) / (counts?.done ?? 1)).toBeLessThan(FAILED_SHARE_MAX)
    const answer = await fetch(`http://127.0.0.1:${mesh.sidecar('shop/caller-1').metrics}/metrics`)
    expect(seriesOf(await answer.text(), 'selvedge_endpoints')).toContain(
      'selvedge_endpoints{destination="shop/hello",state="ejected"} 1',
    )
    const quiet = await caller?.burst({ url: 'http://hello/', count: 100, concurrency: 4 })
    expect(quiet).toMatchObject({ failed: 0, by: { good: 100 } })
  })
})

function seriesOf(metrics: string, name: string): string[] {
  return metrics.split('\n').filter(line => line.startsWith(name))
}
