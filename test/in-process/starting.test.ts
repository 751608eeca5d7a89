import { createServer } from 'node:net'
import { expect, test } from 'vitest'
import { startSidecar } from '../../sidecar/app.ts'
import { readSidecarConfig } from '../../sidecar/config.ts'
import { type Fleet, startFleet } from '../conformance/enrolment/fleet.ts'
import { ask } from './client.ts'
import { portOf, until } from './mesh.ts'

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise(resolve => server.close(resolve))
  return typeof address === 'object' && address !== null ? address.port : 0
}

async function answerOf(port: number, path: string): Promise<string> {
  try {
    const { status, body } = await ask(port, path)
    return `${status} ${body}`
  } catch {
    return 'nothing'
  }
}

/** Joins `fleet` by way of a port for enrolment that may be closed for now. */
async function starting(fleet: Fleet, enrolment: number, metrics: number, signal: AbortSignal) {
  const token = await fleet.token('shop/web')
  const config = readSidecarConfig(
    [
      ...['--outbound-port=0', '--inbound-port=0', '--admin-port=0', `--metrics-port=${metrics}`, '--log-level=silent'],
      ...['--workload=shop/web', `--join-token=${token}`, `--enrolment=127.0.0.1:${enrolment}`],
      `--control-plane=127.0.0.1:${fleet.ports.discovery}`,
    ],
    () => ({ ok: false, error: 'no files here' }),
    {},
  )
  if (!config.ok) throw new Error(config.error.join(' '))
  return startSidecar(config.value, '0.0.0-test', { signal })
}

test('a sidecar that waits for its identity lives and is not ready; with it, it is', async () => {
  const fleet = await startFleet()
  const [away, metrics] = [await freePort(), await freePort()]
  const giveUp = new AbortController()
  const waiting = starting(fleet, away, metrics, giveUp.signal)
  await until(async () => (await answerOf(metrics, '/livez')) === '200 ok\n')
  expect(await answerOf(metrics, '/readyz')).toBe('503 no identity yet\n')
  giveUp.abort()
  expect((await waiting).ok).toBe(false)
  expect(await answerOf(metrics, '/livez')).toBe('nothing')
  // With a control plane that is there, the same port has all pages.
  const started = await starting(fleet, fleet.ports.enrolment, metrics, new AbortController().signal)
  if (!started.ok) throw new Error(started.error)
  expect(portOf(started.value.addresses.metrics)).toBe(metrics)
  expect(await answerOf(metrics, '/livez')).toBe('200 ok\n')
  expect(await answerOf(metrics, '/readyz')).toBe('200 ready\n')
  await started.value.close()
  await fleet.close()
})
