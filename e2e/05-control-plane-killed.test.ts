import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Caller, callerIn, callerProcess, echoProcess } from './kit/caller.ts'
import { eventually, pause, yes } from './kit/eventually.ts'
import { type FleetMember, type Mesh, startMesh } from './kit/mesh.ts'

/** What is promised, from the moment that the control plane is ready again. */
const BACK_MS = 2_000
const RESTART_MS = 15_000
const KILLS = 2
const AFTER_MS = 2_500
/** `--restart-grace` of the control plane, and a little more. */
const RESTART_GRACE_MS = 11_000

const WORKLOADS = ['shop/hello-1', 'shop/hello-2', 'shop/caller'] as const

let mesh: Mesh
let caller: Caller

beforeAll(async () => {
  mesh = await startMesh([echoProcess('hello-1', 'hello'), echoProcess('hello-2', 'hello'), callerProcess()].join(''))
  caller = await callerIn(mesh)
  await caller.once({ url: 'http://hello/' })
  await mesh.apply(`
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: marked, namespace: shop }
spec:
  parentRefs: [{ group: "", kind: Service, name: hello }]
  rules:
    - filters:
        - { type: ResponseHeaderModifier, responseHeaderModifier: { set: [{ name: x-marked, value: "yes" }] } }
      backendRefs: [{ name: hello, port: 80 }]
`)
}, 60_000)
afterAll(async () => {
  await mesh?.stop()
})

/** Writes one Service after the other until told to stop; returns the names of those that were acknowledged. */
function writing(): { stop(): Promise<string[]> } {
  const { server, token } = mesh.context()
  const written: string[] = []
  let stopped = false
  const loop = (async () => {
    for (let n = 0; !stopped; n++) {
      const name = `written-${n}`
      const body = JSON.stringify({
        resources: [
          { apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: 'shop' }, spec: { ports: [{ port: 80 }] } },
        ],
      })
      const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
      try {
        const answer = await fetch(`${server}/apis/selvedge.dev/v1/apply`, { method: 'POST', headers, body })
        await answer.arrayBuffer()
        if (answer.ok) written.push(name)
      } catch {
        // Not acknowledged: it may be there or not.
      }
      await pause(20)
    }
  })()
  return {
    async stop() {
      stopped = true
      await loop
      return written
    },
  }
}

/** Counts of endpoints that the caller's sidecar had for `hello`, asked for without a rest until told to stop. */
function watching(): { stop(): Promise<Set<number>> } {
  const seen = new Set<number>()
  let stopped = false
  const loop = (async () => {
    while (!stopped) {
      seen.add(await mesh.endpoints('shop/caller', 'shop/hello'))
      await pause(20)
    }
  })()
  return {
    async stop() {
      stopped = true
      await loop
      return seen
    },
  }
}

async function isReady(): Promise<boolean> {
  const answer = await fetch(`${mesh.context().server}/readyz`, { signal: AbortSignal.timeout(1_000) }).catch(
    () => undefined,
  )
  return answer?.ok === true
}

function allConnected(fleet: readonly FleetMember[]): boolean {
  return WORKLOADS.every(name => fleet.some(({ workload, connected }) => workload === name && connected))
}

describe('a control plane that is killed under load', () => {
  test.each(Array.from({ length: KILLS }, (_, i) => i + 1))(
    'is started again, and nothing is lost meanwhile (kill %d)',
    async () => {
      await caller.load({ url: 'http://hello/', perSecond: 150 })
      const endpoints = watching()
      const writer = writing()
      await pause(500)
      const killed = mesh.controlPlane().pid
      process.kill(killed, 'SIGKILL')
      await eventually('the control plane is gone', 2_000, async () => yes(!(await isReady())))
      await eventually('the control plane is ready again', RESTART_MS, async () => yes(await isReady()))
      const readyMs = performance.now()
      await eventually('all sidecars are back', BACK_MS * 2, async () => yes(allConnected(await mesh.fleet())))
      const backMs = performance.now() - readyMs
      console.log(`sidecars were back ${Math.round(backMs)} ms after the control plane was ready again`)
      // What a restart would withdraw too early, it would withdraw now.
      await pause(AFTER_MS)
      const written = await writer.stop()
      const counts = await caller.stop()
      const seen = await endpoints.stop()

      expect(mesh.controlPlane().pid).not.toBe(killed)
      expect(backMs).toBeLessThan(BACK_MS)
      expect(counts).toMatchObject({ failed: 0, failures: [] })
      expect(counts.done).toBeGreaterThan(150 * 3)
      expect([...seen]).toEqual([2])
      expect((counts.by['hello-1'] ?? 0) > 0 && (counts.by['hello-2'] ?? 0) > 0).toBe(true)

      const kept = new Set(await servicesIn('shop'))
      expect(written.length).toBeGreaterThan(5)
      expect(written.filter(name => !kept.has(name))).toEqual([])
      expect((await caller.once({ url: 'http://hello/' })).head['x-marked']).toBe('yes')
    },
  )

  test('has withdrawn nothing either when the time has passed that it gives sidecars to come back', async () => {
    await caller.load({ url: 'http://hello/', perSecond: 50 })
    const endpoints = watching()
    await pause(RESTART_GRACE_MS - AFTER_MS)
    expect([...(await endpoints.stop())]).toEqual([2])
    expect(await caller.stop()).toMatchObject({ failed: 0, failures: [] })
    expect((await mesh.api<{ sidecars: unknown[] }>('/fleet')).sidecars).toHaveLength(WORKLOADS.length)
  })

  test('takes changes again, and they reach the sidecars', async () => {
    const changed = await mesh.cli(['delete', 'httproute', 'marked', '-n', 'shop', '--wait'])
    expect(changed).toMatchObject({ code: 0, stderr: '' })
    expect((await caller.once({ url: 'http://hello/' })).head).not.toHaveProperty('x-marked')
  })
})

async function servicesIn(namespace: string): Promise<string[]> {
  const { server, token } = mesh.context()
  const answer = await fetch(`${server}/api/v1/namespaces/${namespace}/services`, {
    headers: { authorization: `Bearer ${token}` },
  })
  const { items } = (await answer.json()) as { items: readonly { metadata: { name: string } }[] }
  return items.map(({ metadata }) => metadata.name)
}
