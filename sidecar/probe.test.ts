import { type AddressInfo, createServer, type Server } from 'node:net'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { type ApplicationProbe, probeApplication } from './probe.ts'

// Real sockets: what a probe hears is the kernel's word.

const ending: (() => void)[] = []
afterEach(() => {
  for (const end of ending.splice(0)) end()
})

interface Program {
  readonly port: number
  stop(): void
  start(): void
}

async function program(): Promise<Program> {
  const server: Server = createServer(socket => socket.destroy())
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  ending.push(() => server.close())
  return { port, stop: () => void server.close(), start: () => void server.listen(port, '127.0.0.1') }
}

function probed(...programs: readonly Program[]): {
  readonly told: readonly boolean[]
  readonly probe: ApplicationProbe
} {
  const told: boolean[] = []
  const ports = programs.map(({ port }) => port)
  const probe = probeApplication('127.0.0.1', ports, ready => told.push(ready))
  ending.push(() => probe.close())
  return { told, probe }
}

function until(told: readonly boolean[], length: number): Promise<void> {
  return vi.waitFor(() => expect(told).toHaveLength(length), { timeout: 2_000, interval: 5 })
}

describe('the probe of the application', () => {
  test('says that it answers, that it stopped, and that it is back, each once', async () => {
    const watched = await program()
    const { told } = probed(watched)
    await until(told, 1)
    watched.stop()
    await until(told, 2)
    watched.start()
    await until(told, 3)
    expect(told).toEqual([true, false, true])
  })

  test('[LOAD-7] does not take our own standing still for its silence', async () => {
    const watched = await program()
    const { told, probe } = probed(watched)
    await until(told, 1)
    for (let i = 0; i < 3; i++) {
      // After what is run here come timers, then the kernel's news.
      await new Promise(resolve => setImmediate(resolve))
      probe.hint()
      // The kernel has connected meanwhile: when the loop goes on, the time is over and the answer is there.
      const endMs = performance.now() + 450
      while (performance.now() < endMs);
      await new Promise(resolve => setTimeout(resolve, 20))
    }
    expect(told).toEqual([true])
  })

  test('asks for all of its ports', async () => {
    const [one, other] = [await program(), await program()]
    other.stop()
    const { told } = probed(one, other)
    other.start()
    await until(told, 1)
    one.stop()
    await until(told, 2)
    expect(told).toEqual([true, false])
  })

  test('tries at once when it is given a hint, and no more when it is closed', async () => {
    const hinted = await program()
    const { told, probe } = probed(hinted)
    await until(told, 1)
    hinted.stop()
    const start = performance.now()
    probe.hint()
    await until(told, 2)
    expect(performance.now() - start).toBeLessThan(450)
    probe.close()
    hinted.start()
    probe.hint()
    const after = probed(hinted)
    await until(after.told, 1)
    expect(told).toEqual([true, false])
  })
})
