import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Caller, callerIn, callerProcess, echoProcess } from './kit/caller.ts'
import { eventually, pause, yes } from './kit/eventually.ts'
import { flagOf, roleOf } from './kit/marked.ts'
import { type Mesh, startMesh } from './kit/mesh.ts'

const RESTART_MS = 15_000
const BACK_MS = 10_000
/** How often we look whether the supervisor has brought the control plane back, so as to kill it again. */
const KILL_AGAIN_MS = 25

let mesh: Mesh
let caller: Caller

beforeAll(async () => {
  mesh = await startMesh([echoProcess('hello-1', 'hello'), callerProcess()].join(''))
  caller = await callerIn(mesh)
  await caller.once({ url: 'http://hello/' })
}, 60_000)
afterAll(async () => {
  await mesh?.stop()
})

/** Keeps the control plane down: its supervisor starts it again and again. */
function keepControlPlaneAway(): { stop(): void } {
  const timer = setInterval(() => {
    for (const one of mesh.processes()) if (roleOf(one) === 'control-plane') process.kill(one.pid, 'SIGKILL')
  }, KILL_AGAIN_MS)
  return { stop: () => clearInterval(timer) }
}

async function page<T>(workload: string, path: string): Promise<T> {
  const answer = await fetch(`http://127.0.0.1:${mesh.sidecar(workload).admin}${path}`, {
    signal: AbortSignal.timeout(2_000),
  })
  return (await answer.json()) as T
}

async function restart(workload: string): Promise<void> {
  const before = mesh.sidecar(workload).pid
  process.kill(before, 'SIGKILL')
  await eventually(`the sidecar of ${workload} is back`, RESTART_MS, async () => {
    if (mesh.sidecar(workload).pid === before) return undefined
    const { metrics } = mesh.sidecar(workload)
    return yes((await fetch(`http://127.0.0.1:${metrics}/readyz`)).ok)
  })
}

interface Identity {
  readonly spiffeId: string
  readonly notBefore: string
}

describe('sidecars that are killed while the control plane is away', () => {
  test('[FAULT-1] start again from what they have kept on disk, and carry requests over mTLS', async () => {
    // What is kept is written soon after it was applied.
    await pause(3_000)
    const identity = await page<Identity>('shop/caller', '/identity')
    const away = keepControlPlaneAway()
    try {
      await eventually('it is away', 5_000, () => yes(!mesh.processes().some(one => roleOf(one) === 'control-plane')))
      await restart('shop/hello-1')
      await restart('shop/caller')
      const answers = await caller.burst({ url: 'http://hello/', count: 50, concurrency: 5 })
      expect(answers).toMatchObject({ done: 50, failed: 0, failures: [] })
      expect(answers.by['hello-1']).toBe(50)
      const { spiffeId, notBefore } = await page<Identity>('shop/caller', '/identity')
      expect({ spiffeId, notBefore }).toEqual({ spiffeId: identity.spiffeId, notBefore: identity.notBefore })
      const [hello] = await page<{ destination: string; endpoints: { mtls: boolean }[] }[]>('shop/caller', '/endpoints')
      expect(hello).toMatchObject({ destination: 'shop/hello', endpoints: [{ mtls: true }] })
      // What was never used is unknown, and says so.
      const unknown = await caller.once({ url: 'http://never-used/' })
      expect(unknown).toMatchObject({ status: 503, head: { 'x-selvedge-cause': 'no-policy' } })
    } finally {
      away.stop()
    }
  }, 60_000)

  test('are told again what they missed once it is back', async () => {
    await eventually('all are connected', BACK_MS, async () => {
      const fleet = await mesh.fleet()
      return yes(
        ['shop/hello-1', 'shop/caller'].every(name => fleet.some(one => one.workload === name && one.connected)),
      )
    })
    const applied = await mesh.apply(`
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
    expect(applied.stdout).toContain('live on 1 of 1 sidecar')
    expect((await caller.once({ url: 'http://hello/' })).head['x-marked']).toBe('yes')
  })

  test('keep their key in a file of their own, for their owner alone, and no secret in the other', () => {
    const sidecars = mesh.processes().filter(one => roleOf(one) === 'sidecar')
    const states = sidecars.map(one => flagOf(one, '--state-dir') ?? '')
    expect(states).toHaveLength(2)
    for (const dir of states) {
      expect(statSync(dir).mode & 0o777).toBe(0o700)
      expect(readdirSync(dir).sort()).toEqual(['admin.json', 'identity.pem', 'last-known-good.ndjson'])
      for (const name of readdirSync(dir)) expect(statSync(join(dir, name)).mode & 0o777).toBe(0o600)
      expect(readFileSync(join(dir, 'identity.pem'), 'utf8')).toContain('PRIVATE KEY')
      expect(readFileSync(join(dir, 'last-known-good.ndjson'), 'utf8')).not.toMatch(/PRIVATE KEY|selvedge-join/)
    }
  })
})
