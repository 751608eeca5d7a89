import { connect } from 'node:net'
import type { MeshApi } from '../mod.ts'

/** A workload that others will call: it is ready when its sidecar is connected and its program answers. */
export interface Awaited {
  /** `namespace/name` */
  readonly workload: string
  /** The program's. */
  readonly port: number
}

/** What the waiting needs; a test hands in its own. */
export interface ReadinessWorld {
  readonly nowMs: () => number
  readonly pause: (ms: number) => Promise<void>
  /** Whether somebody listens on this port of the loopback. */
  readonly answers: (port: number) => Promise<boolean>
}

const POLL_MS = 50
/**
 * From a program's first answer to its endpoint being offered: its sidecar tries it every 50 ms, the control plane gathers changes for 20 ms
 * (at most 200 ms), and a push takes a few more.
 */
const OFFERED_AFTER_MS = 300
const CONNECT_TIMEOUT_MS = 400

/**
 * Waits until all can be called, for at most `timeoutMs` and not after `stop`. Returns the workloads that can't: empty means that all can.
 */
export async function waitForWorkloads(
  api: Pick<MeshApi, 'fleet'>,
  awaited: readonly Awaited[],
  timeoutMs: number,
  world: ReadinessWorld,
  stop: AbortSignal,
): Promise<string[]> {
  const deadlineMs = world.nowMs() + timeoutMs
  for (;;) {
    const { sidecars } = await api.fleet()
    const connected = new Set(sidecars.filter(({ connected }) => connected).map(({ workload }) => workload))
    const answers = await Promise.all(awaited.map(({ port }) => world.answers(port)))
    const missing = awaited.filter(({ workload }, i) => !connected.has(workload) || answers[i] !== true)
    if (missing.length === 0) {
      await world.pause(OFFERED_AFTER_MS)
      return []
    }
    if (stop.aborted || world.nowMs() >= deadlineMs) return missing.map(({ workload }) => workload)
    await world.pause(POLL_MS)
  }
}

export function answersOnLoopback(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect({ host: '127.0.0.1', port })
    const end = (answer: boolean): void => {
      socket.destroy()
      resolve(answer)
    }
    socket.setTimeout(CONNECT_TIMEOUT_MS, () => end(false))
    socket.once('connect', () => end(true))
    socket.once('error', () => end(false))
  })
}
