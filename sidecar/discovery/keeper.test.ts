import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock, workloadKey } from '../../common/mod.ts'
import type { SelfSnapshot } from '../../model/snapshot/mod.ts'
import { createKeeper } from './keeper.ts'
import { LAST_KNOWN_GOOD_FILE } from './last-known-good.ts'

const workload = workloadKey('ns', 'w')

describe('what keeps a sidecar’s holdings on disk', () => {
  let dir: string
  let revision: string
  const said: string[] = []
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'selvedge-keeper-'))
    revision = '1'
    said.length = 0
  })
  afterEach(() => rmSync(dir, { recursive: true, force: true }))

  function keeper(stateDir = dir) {
    const log = (_fields: object, message: string) => said.push(message)
    return createKeeper({ stateDir, workload, clock: systemClock, log }, () => ({
      ...{ workload, revision, subscriptions: [] },
      held: new Map([['self', { version: 's', content: {} as SelfSnapshot }]]),
    }))
  }
  const kept = () => keeper().restored()?.update.update.revision

  it('writes what is held at the end, however much has changed', async () => {
    const first = keeper()
    for (revision of ['2', '3', '4']) first.changed()
    await first.close()
    expect(kept()).toBe('4')
    expect(said).toEqual([])
  })

  it('writes nothing where nothing has changed', async () => {
    const first = keeper()
    first.changed()
    await first.close()
    const before = statSync(join(dir, LAST_KNOWN_GOOD_FILE)).mtimeMs
    await keeper().close()
    expect(statSync(join(dir, LAST_KNOWN_GOOD_FILE)).mtimeMs).toBe(before)
  })

  it('says once that it cannot write', async () => {
    const first = keeper(join(dir, 'nowhere'))
    first.changed()
    await first.close()
    first.changed()
    await first.close()
    expect(said).toEqual([
      expect.stringMatching(/^Cannot write .*a restart without the control plane would have no policy$/),
    ])
  })
})
