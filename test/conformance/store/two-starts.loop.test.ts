import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { systemClock } from '../../../common/mod.ts'
import { openSqliteStore } from '../../../control-plane/store/sqlite/mod.ts'
import { figures, times } from '../../loop/loop.ts'

const WRITER = fileURLToPath(new URL('../../../control-plane/store/sqlite/kill-writer.ts', import.meta.url))
const STARTS = 3
/** Acknowledged before the winner is killed. */
const COMMITS = 10
const POLL = { timeout: 20_000 }

interface Writer {
  readonly child: ChildProcess
  /** The newest revision that it was told; 0 when it never got the store. */
  readonly acknowledged: () => number
  readonly commits: () => number
  readonly over: () => boolean
  readonly ended: Promise<void>
}

it('lets one of several processes that start at once have the store, and loses nothing of it by the others', async context => {
  const rounds = times(2, 60)
  const folder = mkdtempSync(join(tmpdir(), 'selvedge-starts-'))
  let winners = 0
  try {
    for (let round = 0; round < rounds; round++) {
      // Every other time it is a first start: each of them would make the database.
      const dataDir = join(folder, String(round >> 1))
      const before = round % 2 === 0 ? 0 : await newestIn(dataDir)
      const writers = Array.from({ length: STARTS }, () => startWriter(dataDir))
      // Whoever has it goes on for as long as others may try.
      await expect.poll(() => writers.filter(({ over }) => !over()).length, POLL).toBeLessThanOrEqual(1)
      await expect.poll(() => writers.every(({ over, commits }) => over() || commits() >= COMMITS), POLL).toBe(true)
      for (const { child } of writers) child.kill('SIGKILL')
      await Promise.all(writers.map(({ ended }) => ended))
      const told = writers.map(({ acknowledged }) => acknowledged()).filter(revision => revision > 0)
      winners += told.length
      expect(told.length).toBeLessThanOrEqual(1)
      expect(await newestIn(dataDir)).toBeGreaterThanOrEqual(Math.max(before, ...told))
    }
    expect(winners).toBeGreaterThan(0)
    figures(context, { rounds, startsAtOnce: STARTS, winners, lost: 0 })
  } finally {
    rmSync(folder, { recursive: true })
  }
})

/** One that is refused ends by itself. */
function startWriter(dataDir: string): Writer {
  const child = spawn(process.execPath, [WRITER, dataDir], { stdio: ['ignore', 'pipe', 'ignore'] })
  let [acknowledged, commits, over] = [0, 0, false]
  createInterface({ input: child.stdout }).on('line', line => {
    acknowledged = Number(line)
    commits++
  })
  const ended = new Promise<void>(resolve =>
    child.once('close', () => {
      over = true
      resolve()
    }),
  )
  return { child, acknowledged: () => acknowledged, commits: () => commits, over: () => over, ended }
}

async function newestIn(dataDir: string): Promise<number> {
  const opened = await openSqliteStore({ dataDir, clock: systemClock })
  if (!opened.ok) throw new Error(opened.error)
  const { resources } = await opened.value.list()
  await opened.value.close()
  return Math.max(0, ...resources.map(({ resourceVersion }) => resourceVersion))
}
