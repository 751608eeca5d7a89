import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Wire } from '../../in-process/client.ts'
import { until } from '../../in-process/mesh.ts'
import { figures, times } from '../../loop/loop.ts'
import { type Edge, startEdge } from './kit.ts'

// CHECKLIST, FAULT-6: a peer that is gone without a word is found by keep-alive. Its bound is the one that docs/http1.md names.

const FIRST_PROBE_MS = 30_000
const FOUND_MS = 40_000
const PROGRAM = fileURLToPath(new URL('half-open-program.ts', import.meta.url))

describe('[FAULT-6] while nothing is said, keep-alive watches', () => {
  let edge: Edge
  const callers: Wire[] = []
  beforeAll(async () => {
    edge = await startEdge()
    // Answers nothing: the exchanges stay open, and all of their connections are silent.
    edge.application.onConnection = socket => void socket.resume().on('end', () => socket.end())
    for (const [door, host] of [
      ['application', 'plain'],
      ['application', 'app'],
      ['peer', 'app'],
    ] as const) {
      const caller = edge.doors[door].call()
      caller.send(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
      callers.push(caller)
    }
    await until(() => edge.application.heard.match(/GET /g)?.length === 3)
  })
  afterAll(async () => {
    for (const { socket } of callers) socket.destroy()
    await edge.close()
  })

  test.each([
    ['callers at the outbound port', 2, (row: Row) => row.local === edge.web.outbound],
    ['callers at the inbound port', 2, (row: Row) => row.local === edge.app.inbound],
    ['the application', 3, (row: Row) => row.remote === edge.application.port],
    // One of the two is the sidecar's; the other is the test's own, which does not watch.
    ['other sidecars', 1, (row: Row) => row.remote === edge.app.inbound && row.watched],
  ])('the connections to %s', async (_whom, count, mine) => {
    // What was said last may still have to be acknowledged, which is another timer.
    await until(() =>
      connections()
        .filter(mine)
        .every(({ watched }) => watched),
    )
    const rows = connections().filter(mine)
    expect(rows).toHaveLength(count)
    for (const { dueMs } of rows) {
      expect(dueMs).toBeLessThanOrEqual(FIRST_PROBE_MS + 1_000)
    }
  })
})

interface Row {
  readonly local: number
  readonly remote: number
  /** Whether the timer that runs is that of keep-alive. */
  readonly watched: boolean
  readonly dueMs: number
}

/** Established TCP connections of this machine, from proc(5). */
function connections(): Row[] {
  const [, ...lines] = readFileSync('/proc/net/tcp', 'utf8').trim().split('\n')
  return lines.flatMap(line => {
    const [, local = '', remote = '', state, , timer = ''] = line.trim().split(/\s+/)
    if (state !== '01') return []
    const [kind, due = '0'] = timer.split(':')
    // In hundredths of a second.
    return [
      { local: portIn(local), remote: portIn(remote), watched: kind === '02', dueMs: Number.parseInt(due, 16) * 10 },
    ]
  })
}

function portIn(address: string): number {
  return Number.parseInt(address.slice(-4), 16)
}

// Forty seconds of waiting: only at full length, in a network of its own that is then cut.
if (times(0, 1) > 0) {
  test('[FAULT-6] peers that vanish are found within 40 s of silence, at both doors and upstream', context => {
    const ran = spawnSync('unshare', ['--map-root-user', '--net', process.execPath, PROGRAM], {
      encoding: 'utf8',
      timeout: 2 * FOUND_MS,
    })
    expect(ran.stderr).toBe('')
    const { before, after, foundMs } = JSON.parse(ran.stdout) as { before: number; after: number; foundMs: number }
    figures(context, { openBefore: before, openAfter: after, foundSeconds: Math.round(foundMs / 100) / 10 })
    expect({ before, after }).toEqual({ before: 8, after: 4 })
    expect(foundMs).toBeLessThan(FOUND_MS + 3_000)
  })
}
