import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { worldOf } from '../../model/compile/mod.ts'
import { parseResources } from '../../model/resources/mod.ts'
import { type Census, censusOf, lostKinds, openCensusFile } from './mod.ts'

const census = (counts: Record<string, number>, revision = 7): Census => ({ revision, counts })
const deletion = (subject: string, revision: number) => ({ action: 'deleted', subject, revision })

describe('what a store has lost', () => {
  it.each<[string, Census, Census, ReturnType<typeof deletion>[], string[]]>([
    ['nothing', census({ Service: 3 }), census({ Service: 3 }), [], []],
    ['a whole kind', census({ Service: 3, HTTPRoute: 1 }), census({ Service: 3 }), [], ['HTTPRoute 0 of 1']],
    ['everything', census({ Service: 3, HTTPRoute: 1 }), census({}), [], ['HTTPRoute 0 of 1', 'Service 0 of 3']],
    ['most Services', census({ Service: 20 }), census({ Service: 9 }), [], ['Service 9 of 20']],
    ['half of the Services, which may be', census({ Service: 20 }), census({ Service: 10 }), [], []],
    ['some of a few Services, which may be', census({ Service: 9 }), census({ Service: 1 }), [], []],
    ['what somebody deleted since', census({ HTTPRoute: 1 }), census({}), [deletion('HTTPRoute ns/r', 8)], []],
    [
      'what was deleted long ago',
      census({ HTTPRoute: 1 }),
      census({}),
      [deletion('HTTPRoute ns/r', 7)],
      ['HTTPRoute 0 of 1'],
    ],
    [
      'more than was deleted',
      census({ HTTPRoute: 2 }),
      census({}),
      [deletion('HTTPRoute ns/r', 8)],
      ['HTTPRoute 0 of 1'],
    ],
  ])('is %s', (_, before, now, audit, lost) => {
    expect(lostKinds(before, now, audit).map(({ kind, found, expected }) => `${kind} ${found} of ${expected}`)).toEqual(
      lost,
    )
  })

  it('is counted by kind, without workloads', () => {
    const parsed = parseResources(`
{apiVersion: v1, kind: Service, metadata: {namespace: ns, name: a}, spec: {ports: [{port: 80}]}}
---
{apiVersion: v1, kind: Service, metadata: {namespace: ns, name: b}, spec: {ports: [{port: 80}]}}
---
{apiVersion: selvedge.dev/v1, kind: MeshPolicy, metadata: {namespace: ns, name: default}, spec: {accessLog: true}}
---
{apiVersion: selvedge.dev/v1, kind: Workload, metadata: {namespace: ns, name: w}, spec: {address: 10.0.0.1}}`)
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.error))
    expect(censusOf(worldOf(parsed.value), 9)).toEqual({ revision: 9, counts: { Service: 2, MeshPolicy: 1 } })
  })
})

describe('the census on disk', () => {
  let dir: string
  const warned: string[] = []
  const log = { warn: (message: string) => void warned.push(message) }
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'selvedge-census-'))
    warned.length = 0
  })
  afterEach(() => rmSync(dir, { recursive: true }))

  it('outlives the control plane, the newest alone', async () => {
    const file = openCensusFile(dir, log)
    expect(file.before).toBeUndefined()
    file.note(census({ Service: 1 }))
    file.note(census({ Service: 2 }))
    await file.close()
    expect(openCensusFile(dir, log).before).toEqual(census({ Service: 2 }))
    expect(warned).toEqual([])
  })

  it('is nothing where it cannot be read, and that is said', () => {
    writeFileSync(join(dir, 'census.json'), 'rubbish', { mode: 0o600 })
    expect(openCensusFile(dir, log).before).toBeUndefined()
    expect(warned).toHaveLength(1)
  })
})
