import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { makeCsr, makeKeyPair } from '../../../certs/mod.ts'
import { systemClock, systemRandom } from '../../../common/mod.ts'
import { enrolledIdentity } from '../../../sidecar/identity/mod.ts'
import { type Fleet, startFleet } from './fleet.ts'
import { enrol } from './grpc-client.ts'

// [API-4] Many who ask at once: replicas that start together are let in, a flood is not.

const { privateKeyPem } = makeKeyPair()
const REPLICAS = 50
/** CHECKLIST says no more than that a flood is refused; that a scale-up isn't one is our own word. */
const JOINED_WITHIN_MS = 8_000

let fleet: Fleet
beforeEach(async () => {
  fleet = await startFleet()
})
afterEach(() => fleet.close())

function csrOf(account: string): Buffer {
  return makeCsr({ privateKeyPem, spiffeId: `spiffe://mesh.test/ns/shop/sa/${account}` })
}

describe('[API-4] a flood of signing requests', () => {
  test('of one workload: 429 after the first few, and the others of its identity are served', async () => {
    const joinToken = await fleet.token('shop/web', { uses: 100 })
    const ask = (workload: string) => enrol(fleet, { csr: csrOf('web'), joinToken, workload })
    const answers = await Promise.all(Array.from({ length: 25 }, () => ask('shop/web-1')))
    const refused = answers.filter(({ outcome }) => outcome === 'RESOURCE_EXHAUSTED')
    expect(refused.length).toBeGreaterThanOrEqual(15)
    expect(refused[0]?.details).toContain('too many requests')
    expect((await ask('shop/web-2')).outcome).toBe('OK')
  })

  test('of one identity, under a new name each time: 429, and other identities are served', async () => {
    const joinToken = await fleet.token('shop/web', { uses: 1_000 })
    const answers = await Promise.all(
      Array.from({ length: 90 }, (_, n) => enrol(fleet, { csr: csrOf('web'), joinToken, workload: `shop/web-${n}` })),
    )
    expect(answers.filter(({ outcome }) => outcome === 'RESOURCE_EXHAUSTED').length).toBeGreaterThan(0)
    const other = { csr: csrOf('payments'), joinToken: await fleet.token('shop/payments'), workload: 'shop/payments-1' }
    expect((await enrol(fleet, other)).outcome).toBe('OK')
    expect(await fleet.metrics()).toMatch(/selvedge_control_csr_total\{result="resource-exhausted"\} [1-9]/)
  })

  test('is none where fifty replicas of one service start together: all have joined within seconds', async () => {
    const joinToken = await fleet.token('shop/web', { uses: REPLICAS })
    const began = performance.now()
    const joined = await Promise.all(
      Array.from({ length: REPLICAS }, (_, n) =>
        enrolledIdentity({
          enrolmentAddress: `127.0.0.1:${fleet.ports.enrolment}`,
          discoveryAddress: `127.0.0.1:${fleet.ports.discovery}`,
          workload: { namespace: 'shop', serviceAccount: 'web' },
          ...{ joinToken, workloadName: `shop/web-${n}`, clock: systemClock, random: systemRandom },
          log: { info: () => undefined, warn: () => undefined },
        }),
      ),
    )
    const tookMs = performance.now() - began
    expect(joined.filter(({ ok }) => ok)).toHaveLength(REPLICAS)
    for (const each of joined) if (each.ok) each.value.close()
    expect(tookMs).toBeLessThan(JOINED_WITHIN_MS)
  })
})
