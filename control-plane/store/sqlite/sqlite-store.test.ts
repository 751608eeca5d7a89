import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../../common/mod.ts'
import { storeConformance } from '../conformance.ts'
import { type Store, type StoreChange, StoreUnavailable } from '../store.ts'
import { DATABASE_FILE, openSqliteStore, type SqliteStoreOptions } from './mod.ts'

async function opened(dataDir: string, more: Partial<SqliteStoreOptions> = {}): Promise<Store> {
  const result = await openSqliteStore({ dataDir, clock: systemClock, ...more })
  if (!result.ok) throw new Error(result.error)
  return result.value
}

const put = (name: string, content: object): StoreChange => ({
  kind: 'put',
  ref: { kind: 'Service', namespace: 'n', name },
  content: { ...content },
  expectedResourceVersion: undefined,
})

storeConformance('SQLite', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'selvedge-store-'))
  return {
    open: (clock, failed) => opened(dataDir, { clock, failed }),
    destroy: async () => rmSync(dataDir, { recursive: true }),
  }
})

describe('an SQLite store', () => {
  let dataDir: string
  let path: string
  beforeEach(() => {
    dataDir = join(mkdtempSync(join(tmpdir(), 'selvedge-store-')), 'data')
    path = join(dataDir, DATABASE_FILE)
  })
  afterEach(() => rmSync(join(dataDir, '..'), { recursive: true }))

  const refusal = async (): Promise<string> => {
    const result = await openSqliteStore({ dataDir, clock: systemClock })
    if (result.ok) throw new Error('It opened')
    return result.error
  }

  it('keeps its folder and its file from other users', async () => {
    const store = await opened(dataDir)
    expect(statSync(dataDir).mode & 0o777).toBe(0o700)
    expect(statSync(path).mode & 0o777).toBe(0o600)
    await store.close()
  })

  it('refuses a second control plane on the same folder', async () => {
    const store = await opened(dataDir)
    expect(await refusal()).toContain('in use by another control plane')
    await store.close()
    await (await opened(dataDir)).close()
  })

  it('[DATA-3] refuses what is no database, what is empty, and what is not ours', async () => {
    await (await opened(dataDir)).close()
    truncateSync(path, 0)
    expect(await refusal()).toContain('is empty')
    writeFileSync(path, 'these are my notes, and nothing else, '.repeat(100))
    expect(await refusal()).toMatch(/cannot be read \(file is not a database\)/)
    rmSync(path)
    const foreign = new DatabaseSync(path)
    foreign.exec('CREATE TABLE notes (text TEXT)')
    foreign.close()
    expect(await refusal()).toContain('is not a Selvedge database')
  })

  it('[DATA-3] refuses a flipped bit in a content', async () => {
    const store = await opened(dataDir)
    await store.commit([put('reviews', { address: '10.0.0.7' })], 'alice')
    await store.close()
    const bytes = readFileSync(path)
    const at = bytes.lastIndexOf('10.0.0.7')
    bytes[at] = '3'.charCodeAt(0)
    // The audit record holds the same words: all copies are changed, so that the resource's own is among them.
    for (let i = bytes.indexOf('10.0.0.7'); i !== -1; i = bytes.indexOf('10.0.0.7')) bytes[i] = '3'.charCodeAt(0)
    writeFileSync(path, bytes)
    expect(await refusal()).toContain('is damaged (Service n/reviews is not what was written)')
  })

  it('[DATA-3] refuses a damaged page', async () => {
    const store = await opened(dataDir)
    for (let i = 0; i < 50; i++) await store.commit([put(`s${i}`, { text: 'x'.repeat(500) })], 'alice')
    await store.close()
    const bytes = readFileSync(path)
    bytes.fill(0xff, 4096 * 2, 4096 * 3)
    writeFileSync(path, bytes)
    expect(await refusal()).toMatch(/is damaged|cannot be read/)
  })

  describe('forgets the oldest of the past', () => {
    const watched = async (store: Store, fromRevision: number) => {
      const revisions: number[] = []
      const watching = await store.watch(fromRevision, ({ revision }) => revisions.push(revision))
      for (let i = 0; i < 20; i++) await new Promise(resolve => setImmediate(resolve))
      return watching.ok ? revisions : watching.error
    }

    it('by number: a watch and a list from before are expired, and those from after are whole', async () => {
      const store = await opened(dataDir, { history: { recordsMax: 4, bytesMax: 1e6 } })
      for (let i = 1; i <= 10; i++) await store.commit([put('a', { i })], 'alice')
      expect(await store.audit.list(100)).toHaveLength(4)
      expect(await watched(store, 5)).toEqual({ code: 'expired', oldest: 6 })
      expect(await store.page({ limit: 1, atRevision: 5 })).toEqual({
        ok: false,
        error: { code: 'expired', oldest: 6 },
      })
      expect(await watched(store, 6)).toEqual([7, 8, 9, 10])
      const then = await store.page({ limit: 1, atRevision: 6 })
      expect(then).toMatchObject({ ok: true, value: { resources: [{ content: { i: 6 }, resourceVersion: 6 }] } })
      await store.close()
    })

    it('by size, and keeps the last record however large it is', async () => {
      const store = await opened(dataDir, { history: { recordsMax: 100, bytesMax: 1_500 } })
      for (let i = 1; i <= 5; i++) await store.commit([put(`s${i}`, { text: 'x'.repeat(1_000) })], 'alice')
      expect((await store.audit.list(100)).map(({ revision }) => revision)).toEqual([5, 4])
      await store.commit([put('big', { text: 'x'.repeat(9_000) })], 'alice')
      expect((await store.audit.list(100)).map(({ revision }) => revision)).toEqual([6])
      expect(await watched(store, 5)).toEqual([6])
      expect(await watched(store, 4)).toEqual({ code: 'expired', oldest: 5 })
      await store.close()
    })

    it('but nothing that a watcher has still to hear', async () => {
      const store = await opened(dataDir, { history: { recordsMax: 4, bytesMax: 1e6 } })
      for (let i = 1; i <= 4; i++) await store.commit([put('a', { i })], 'alice')
      const revisions: number[] = []
      await store.watch(0, ({ revision }) => revisions.push(revision))
      // In the same turn: the watcher has not begun.
      for (let i = 5; i <= 10; i++) await store.commit([put('a', { i })], 'alice')
      expect(await store.audit.list(100)).toHaveLength(10)
      for (let i = 0; i < 20; i++) await new Promise(resolve => setImmediate(resolve))
      expect(revisions).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
      await store.commit([put('a', { i: 11 })], 'alice')
      expect(await store.audit.list(100)).toHaveLength(4)
      await store.close()
    })
  })

  it('refuses a schema that it does not know', async () => {
    await (await opened(dataDir)).close()
    const database = new DatabaseSync(path)
    database.exec('UPDATE state SET schema_version = 99')
    database.close()
    expect(await refusal()).toContain('has schema version 99')
  })

  it('[DATA-2] answers a full disk with its reason, goes on reading, and takes writes again when there is room', async () => {
    const store = await opened(dataDir, { bytesMax: 25 * 4096 })
    await store.commit([put('small', { a: 1 })], 'alice')
    const full = await store.commit([put('big', { text: 'x'.repeat(200_000) })], 'alice')
    expect(full).toMatchObject({ ok: false, error: { code: 'unavailable' } })
    expect(full.ok ? '' : 'message' in full.error && full.error.message).toContain('full')
    expect((await store.list()).resources).toHaveLength(1)
    const subject = 'x'.repeat(200_000)
    await expect(store.audit.record({ actor: 'alice', action: 'told', subject })).rejects.toThrow(StoreUnavailable)
    expect((await store.commit([put('small', { a: 2 })], 'alice')).ok).toBe(true)
    await store.close()
  })

  it('[DATA-1] has what it acknowledged after kill -9', { timeout: 20_000 }, async () => {
    const writer = spawn(process.execPath, [fileURLToPath(new URL('./kill-writer.ts', import.meta.url)), dataDir], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let acknowledged = 0
    for await (const line of createInterface({ input: writer.stdout })) {
      acknowledged = Number(line)
      if (acknowledged === 40) writer.kill('SIGKILL')
    }
    if (writer.exitCode === null && writer.signalCode === null) await once(writer, 'exit')
    const store = await opened(dataDir)
    const { resources } = await store.list()
    expect(acknowledged).toBeGreaterThanOrEqual(40)
    const newest = Math.max(...resources.map(({ resourceVersion }) => resourceVersion))
    expect(newest).toBeGreaterThanOrEqual(acknowledged)
    // Each commit holds a pair: never half of one.
    expect(resources.length).toBe(newest * 2)
    await store.close()
  })
})
