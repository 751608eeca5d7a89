import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { err, ok, parseTrustDomain, type Result, type ServiceKey, type WorkloadKey } from '../../../common/mod.ts'
import { formatProblem } from '../../../model/resources/mod.ts'
import type { SnapshotProblem, SnapshotUpdate } from '../../../model/snapshot/mod.ts'
import type { PolicySink } from '../source.ts'
import { type FileSourceLog, fileSource } from './file-source.ts'
import { loadAside } from './load-aside.ts'
import { loadFile } from './load-file.ts'

const domain = parseTrustDomain('mesh.test')
if (!domain.ok) throw new Error('unreachable')
const identity = { workload: 'shop/a-1' as WorkloadKey, trustDomain: domain.value }

const aService = (name: string, port = 80) =>
  `{apiVersion: v1, kind: Service, metadata: {namespace: shop, name: ${name}}, spec: {ports: [{port: ${port}}], selector: {app: ${name}}}}\n---\n`
const WORKLOAD =
  '{apiVersion: selvedge.dev/v1, kind: Workload, metadata: {namespace: shop, name: a-1, labels: {app: a}}, spec: {address: 10.0.0.1, ports: [{port: 8080}]}}\n---\n'
const key = (name: string) => `shop/${name}` as ServiceKey

/** Keeps what it is given; refuses what it is told to. */
class FakeSink implements PolicySink {
  readonly updates: SnapshotUpdate[] = []
  refuseWith: readonly SnapshotProblem[] | undefined = undefined

  apply(update: SnapshotUpdate): Result<void, readonly SnapshotProblem[]> {
    if (this.refuseWith !== undefined) return err(this.refuseWith)
    this.updates.push(update)
    return ok(undefined)
  }
}

class FakeLog implements FileSourceLog {
  readonly lines: { readonly level: string; readonly fields: object; readonly message: string }[] = []
  info(fields: object, message: string) {
    this.lines.push({ level: 'info', fields, message })
  }
  warn(fields: object, message: string) {
    this.lines.push({ level: 'warn', fields, message })
  }
  error(fields: object, message: string) {
    this.lines.push({ level: 'error', fields, message })
  }
}

let folder = ''
let path = ''
beforeEach(() => {
  vi.useFakeTimers()
  folder = mkdtempSync(join(tmpdir(), 'selvedge-file-source-'))
  path = join(folder, 'mesh.yaml')
})
afterEach(() => {
  vi.useRealTimers()
  rmSync(folder, { recursive: true, force: true })
})

/** A source over `text`, whose edits are told at once. */
function started(text: string, load?: typeof loadAside) {
  writeFileSync(path, text)
  const sink = new FakeSink()
  const log = new FakeLog()
  let tell: () => void = () => {}
  let watching = true
  const source = fileSource({
    ...identity,
    path,
    log,
    ...(load === undefined ? {} : { load }),
    watch: (_, changed) => {
      tell = changed
      return () => {
        watching = false
      }
    },
  })
  source.start(sink)
  const edit = (edited: string) => {
    writeFileSync(path, edited)
    tell()
  }
  return { source, sink, log, edit, tell: () => tell(), watching: () => watching }
}

const namesOf = (update: SnapshotUpdate | undefined) => ({
  self: update?.self !== undefined,
  services: update?.services.map(service => service.key),
  endpoints: update?.endpoints.map(endpoints => endpoints.service),
  absent: update?.absent,
})

describe('loading a file once', () => {
  const load = (text: string) => {
    writeFileSync(path, text)
    const loaded = loadFile({ ...identity, path })
    return loaded.ok ? loaded.value : loaded.error.map(formatProblem).map(line => line.replace(path, 'FILE'))
  }

  test('gives self and all services, with their endpoints', () => {
    expect(load(WORKLOAD + aService('b') + aService('a'))).toMatchObject({
      self: { workload: 'shop/a-1', services: ['shop/a'] },
      services: new Map([
        [key('b'), { key: 'shop/b' }],
        [key('a'), { key: 'shop/a' }],
      ]),
      endpoints: new Map([
        [key('b'), { endpoints: [] }],
        [key('a'), { endpoints: [{ workload: 'shop/a-1' }] }],
      ]),
    })
  })

  test('tells every problem', () => {
    expect(load(`${WORKLOAD}${aService('a', 0)}kind: Nothing`)).toHaveLength(2)
  })

  test('refuses a file that does not hold the workload', () => {
    expect(load(WORKLOAD.replace('a-1', 'a-2'))).toEqual([
      'FILE: holds no Workload shop/a-1: the workloads in it are shop/a-2',
    ])
  })

  test('refuses what is not there, and what is not a file', () => {
    expect(loadFile({ ...identity, path: join(folder, 'none') })).toMatchObject({
      ok: false,
      error: [{ message: expect.stringMatching(/^cannot be read: ENOENT/) }],
    })
    expect(loadFile({ ...identity, path: folder })).toMatchObject({ ok: false, error: [{ message: 'is not a file' }] })
  })
})

describe('a source over a file', () => {
  test('applies all of it when it starts', () => {
    const { sink, source } = started(WORKLOAD + aService('a') + aService('b'))
    expect(sink.updates.map(namesOf)).toEqual([
      { self: true, services: ['shop/a', 'shop/b'], endpoints: ['shop/a', 'shop/b'], absent: [] },
    ])
    expect(source.connected()).toBe(true)
  })

  test('applies an edit as one update that holds what changed', () => {
    const { sink, edit } = started(WORKLOAD + aService('a') + aService('b'))
    edit(WORKLOAD + aService('a') + aService('c'))
    expect(namesOf(sink.updates[1])).toEqual({
      self: false,
      services: ['shop/c'],
      endpoints: ['shop/c'],
      absent: ['shop/b'],
    })
  })

  test('applies nothing when the text is the same', () => {
    const { sink, edit } = started(WORKLOAD)
    edit(WORKLOAD)
    expect(sink.updates).toHaveLength(1)
  })

  test('keeps the last good policy after a faulty edit, and logs each problem; the next good edit is applied', () => {
    const { sink, log, edit, source } = started(WORKLOAD)
    edit(`${WORKLOAD}${aService('a', 0)}${aService('b', 0)}`)
    expect(sink.updates).toHaveLength(1)
    expect(log.lines.at(-1)).toMatchObject({
      level: 'error',
      fields: {
        problems: [
          expect.stringContaining('Service shop/a, line 3: spec.ports[0].port'),
          expect.stringContaining('shop/b'),
        ],
      },
      message: expect.stringMatching(/2 problem\(s\); revision [0-9a-f]{12} stays in force$/),
    })
    expect(source.connected()).toBe(true)
    edit(WORKLOAD + aService('a'))
    expect(namesOf(sink.updates[1])).toMatchObject({ services: ['shop/a'] })
  })

  test('keeps the last good policy when the file goes away', () => {
    const { sink, log, tell, source } = started(WORKLOAD)
    rmSync(path)
    tell()
    vi.runAllTimers()
    expect(sink.updates).toHaveLength(1)
    expect(source.connected()).toBe(true)
    expect(log.lines.at(-1)).toMatchObject({
      level: 'error',
      fields: { problems: [expect.stringMatching(/mesh\.yaml: cannot be read: ENOENT/)] },
    })
  })

  test('reads a file again that could not be read for a moment, and says nothing of it', () => {
    const { sink, log, tell } = started(WORKLOAD)
    const lines = log.lines.length
    rmSync(path)
    tell()
    vi.advanceTimersByTime(200)
    writeFileSync(path, WORKLOAD + aService('a'))
    vi.advanceTimersByTime(50)
    expect(namesOf(sink.updates[1])).toMatchObject({ services: ['shop/a'] })
    expect(log.lines.slice(lines).map(({ level }) => level)).toEqual(['info'])
  })

  test('loads a large file aside, applies the newest of several edits, and requests go on meanwhile', async () => {
    const loads: (() => void)[] = []
    const { sink, source, edit } = started(WORKLOAD, async file => {
      const loaded = loadFile(file)
      await new Promise<void>(resolve => void loads.push(resolve))
      return loaded
    })
    const large = '# '.padEnd(70_000, 'x')
    edit(`${WORKLOAD}${aService('a')}${large}\n`)
    expect([sink.updates.length, loads.length]).toEqual([1, 1])
    edit(`${WORKLOAD}${aService('b')}${large}\n`)
    edit(`${WORKLOAD}${aService('c')}${large}\n`)
    expect(loads).toHaveLength(1)
    loads[0]?.()
    await vi.waitFor(() => expect(loads).toHaveLength(2))
    expect(sink.updates).toHaveLength(1)
    loads[1]?.()
    await vi.waitFor(() => expect(sink.updates).toHaveLength(2))
    expect(namesOf(sink.updates[1])).toMatchObject({ services: ['shop/c'] })
    edit(`${WORKLOAD}${aService('d')}${large}\n`)
    await source.close()
    loads[2]?.()
    await Promise.resolve()
    expect(sink.updates).toHaveLength(2)
  })

  test('applies a large file that was replaced while it was loaded: it was whole, and there may always be a newer one', async () => {
    const loads: (() => void)[] = []
    const { sink, source, edit } = started(WORKLOAD, async file => {
      const loaded = loadFile(file)
      await new Promise<void>(resolve => void loads.push(resolve))
      return loaded
    })
    const large = '# '.padEnd(70_000, 'x')
    const replace = (name: string): void => {
      renameSync(path, `${path}.before`)
      edit(`${WORKLOAD}${aService(name)}${large}\n`)
    }
    replace('a')
    for (const [i, name] of ['b', 'c', 'd'].entries()) {
      replace(name)
      loads[i]?.()
      await vi.waitFor(() => expect([sink.updates.length, loads.length]).toEqual([i + 2, i + 2]))
    }
    expect(sink.updates.slice(1).map(update => namesOf(update).services)).toEqual([['shop/a'], ['shop/b'], ['shop/c']])
    loads[3]?.()
    await vi.waitFor(() => expect(sink.updates).toHaveLength(5))
    expect(namesOf(sink.updates[4])).toMatchObject({ services: ['shop/d'] })
    await source.close()
  })

  test('gets from a thread what it would have read itself', async () => {
    vi.useRealTimers()
    for (const text of [WORKLOAD + aService('a') + aService('b'), 'kind: Nothing']) {
      writeFileSync(path, text)
      expect(await loadAside({ ...identity, path })).toEqual(loadFile({ ...identity, path }))
    }
  })

  test('reads itself what no thread can be started for', async () => {
    writeFileSync(path, WORKLOAD + aService('a'))
    const start = (): never => {
      throw new Error('ERR_WORKER_INIT_FAILED: EAGAIN')
    }
    expect(await loadAside({ ...identity, path }, start)).toEqual(loadFile({ ...identity, path }))
  })

  test('a refusal by the sidecar is logged, and the same edit is offered again with the next', () => {
    const { sink, log, edit } = started(WORKLOAD)
    sink.refuseWith = [{ resource: 'service/shop/a', field: 'entries[0]', message: 'is odd' }]
    edit(WORKLOAD + aService('a'))
    expect(log.lines.at(-1)).toMatchObject({
      level: 'error',
      fields: { problems: ['service/shop/a: entries[0] is odd'] },
    })
    sink.refuseWith = undefined
    edit(WORKLOAD + aService('a') + aService('b'))
    expect(namesOf(sink.updates[1])).toMatchObject({ services: ['shop/a', 'shop/b'] })
  })

  test('warns of references that lead nowhere', () => {
    const { log } = started(
      `${WORKLOAD}{apiVersion: selvedge.dev/v1, kind: TrafficPolicy, metadata: {namespace: shop, name: p}, spec: {targetRef: {kind: Service, name: gone}}}`,
    )
    expect(log.lines[0]).toMatchObject({
      level: 'warn',
      fields: { warnings: ['TrafficPolicy shop/p: spec.targetRef names no Service: shop/gone is not there'] },
    })
  })

  test('what is wanted and not there is absent, at once', () => {
    const { sink, source } = started(WORKLOAD + aService('a'))
    source.want(key('a'))
    expect(sink.updates).toHaveLength(1)
    source.want(key('gone'))
    expect(namesOf(sink.updates[1])).toEqual({ self: false, services: [], endpoints: [], absent: ['shop/gone'] })
  })

  test('cannot answer before the first good file', () => {
    const { source, sink, log, edit } = started('kind: Nothing')
    expect(source.connected()).toBe(false)
    source.want(key('a'))
    expect(sink.updates).toEqual([])
    expect(log.lines[0]?.message).toContain('there is no policy until it is mended')
    edit(WORKLOAD)
    expect(source.connected()).toBe(true)
  })

  test('after it is closed it watches nothing and applies nothing', async () => {
    const { source, sink, edit, watching } = started(WORKLOAD)
    await source.close()
    expect(watching()).toBe(false)
    edit(WORKLOAD + aService('a'))
    expect(sink.updates).toHaveLength(1)
  })
})
