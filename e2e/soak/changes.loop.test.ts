import { afterAll, beforeAll, expect, test } from 'vitest'
import { figures, times } from '../../test/loop/loop.ts'
import { type Caller, callerIn, callerProcess, echoProcess } from '../kit/caller.ts'
import { type Mesh, startMesh } from '../kit/mesh.ts'
import { startWrk } from '../kit/wrk.ts'

const CHANGES = times(10, 200)
const CONNECTIONS = 8
/** How long the requests take that a breaker counts: longer than two of them take to arrive. */
const HELD_MS = 80
const TOLD_EVERY = 20

// Two callers: whoever says "live on all" speaks for both. One of them is under load.
const CALLERS = ['busy', 'idle'] as const

let mesh: Mesh
let callers: readonly Caller[]

beforeAll(async () => {
  mesh = await startMesh(
    [
      echoProcess('hello-1', 'hello'),
      echoProcess('hello-2', 'hello'),
      echoProcess('narrow', 'narrow'),
      ...CALLERS.map(name => callerProcess(name)),
    ].join(''),
  )
  callers = await Promise.all(CALLERS.map(name => callerIn(mesh, name)))
  for (const caller of callers) {
    for (const service of ['hello', 'narrow']) await caller.once({ url: `http://${service}/` })
  }
}, 60_000)
afterAll(async () => {
  await mesh?.stop()
})

/** Change number `step`: what is written, and what the very next request of each caller has to show. */
interface Change {
  readonly what: string
  apply(): Promise<string>
  readonly marked: string | undefined
  readonly widthMax: number | undefined
}

/** A route and a policy for the service under load, and a policy for the other, are made, changed and deleted in turn. */
function changeAt(step: number): Change {
  const apply = async (yaml: string): Promise<string> => (await mesh.apply(yaml)).stdout
  const gone = async (kind: string, name: string): Promise<string> => {
    const ran = await mesh.cli(['delete', kind, name, '-n', 'shop', '--wait'])
    if (ran.code !== 0) throw new Error(`delete failed:\n${ran.stdout}${ran.stderr}`)
    return ran.stdout
  }
  const mark = `step-${step}`
  const turn = step % 5
  if (turn === 0) {
    return { what: 'make a route', apply: () => apply(route(mark)), marked: mark, widthMax: undefined }
  }
  if (turn === 1) {
    const both = () => apply(`${route(mark)}---${policy('narrow', 1)}`)
    return { what: 'change the route and make a policy', apply: both, marked: mark, widthMax: 1 }
  }
  if (turn === 2) {
    const both = () => apply(`${policy('narrow', 2)}---${policy('hello', 1_000 + step)}`)
    return { what: 'change a policy and make another', apply: both, marked: `step-${step - 1}`, widthMax: 2 }
  }
  if (turn === 3) {
    const lost = () => gone('httproute', 'marked')
    return { what: 'delete the route', apply: lost, marked: undefined, widthMax: 2 }
  }
  const lost = () => gone('trafficpolicy', 'narrow')
  return { what: 'delete the policy', apply: lost, marked: undefined, widthMax: undefined }
}

function route(mark: string): string {
  return `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: marked, namespace: shop }
spec:
  parentRefs: [{ group: "", kind: Service, name: hello }]
  rules:
    - filters:
        - { type: ResponseHeaderModifier, responseHeaderModifier: { set: [{ name: x-marked, value: ${mark} }] } }
      backendRefs: [{ name: hello, port: 80 }]
`
}

function policy(service: string, requestsMax: number): string {
  return `
apiVersion: selvedge.dev/v1
kind: TrafficPolicy
metadata: { name: ${service}, namespace: shop }
spec: { targetRef: { kind: Service, name: ${service} }, circuitBreaker: { maxRequests: ${requestsMax} } }
`
}

/** What is not as `change` says, in words, as the next requests of a caller show it. */
async function liesOf(caller: Caller, { marked, widthMax }: Change): Promise<string[]> {
  const lies: string[] = []
  const { status, head } = await caller.once({ url: 'http://hello/' })
  if (status !== 200) lies.push(`hello answered ${status}`)
  if (head['x-marked'] !== marked) lies.push(`x-marked is ${head['x-marked']}, not ${marked}`)
  // One more than the breaker lets through: just one has to be refused.
  const count = (widthMax ?? 3) + 1
  const burst = await caller.burst({ url: `http://narrow/?ms=${HELD_MS}`, count, concurrency: count })
  const refused = widthMax === undefined ? 0 : 1
  if (burst.failed !== refused) lies.push(`${burst.failed} of ${count} were refused, not ${refused}`)
  for (const failure of burst.failures) if (!failure.startsWith('503 circuit-open')) lies.push(failure)
  return lies
}

test(`${CHANGES} changes of routes and policies under load fail no request, and each --wait tells the truth`, async context => {
  const load = startWrk({ port: mesh.sidecar('shop/busy').outbound, host: 'hello', connections: CONNECTIONS })
  const lies: string[] = []
  const liveMs: number[] = []
  let blasted: Awaited<ReturnType<typeof load.stop>>
  try {
    for (let step = 0; step < CHANGES; step++) {
      const change = changeAt(step)
      const said = await change.apply()
      const live = /live on ([0-9]+) of ([0-9]+) sidecars? in ([0-9.]+) (ms|s)/.exec(said)
      if (live === null) lies.push(`${step}, ${change.what}: it did not say that it is live: ${said}`)
      else {
        liveMs.push(Number(live[3]) * (live[4] === 's' ? 1_000 : 1))
        if (live[1] !== live[2] || Number(live[2]) < CALLERS.length) lies.push(`${step}, ${change.what}: ${live[0]}`)
      }
      for (const [index, caller] of callers.entries()) {
        const found = await liesOf(caller, change)
        lies.push(...found.map(lie => `${step}, ${change.what}, ${CALLERS[index]}: ${lie}`))
      }
      if ((step + 1) % TOLD_EVERY === 0) console.log(`${step + 1} of ${CHANGES} changes, ${lies.length} lies`)
    }
  } finally {
    blasted = await load.stop()
  }
  liveMs.sort((a, b) => a - b)
  const { requests, failed } = blasted
  const medianMs = liveMs[Math.floor(liveMs.length / 2)] ?? Number.NaN
  figures(context, { changes: CHANGES, lies: lies.length, requests, failed })
  figures(context, { liveMedianMs: medianMs, liveMaxMs: liveMs.at(-1) ?? Number.NaN })
  expect(lies).toEqual([])
  expect(failed, blasted.said).toBe(0)
  expect(requests).toBeGreaterThan(CHANGES * 100)
})
