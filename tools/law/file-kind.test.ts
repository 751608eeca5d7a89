import { describe, expect, it } from 'vitest'
import { isKindOfTest, mayReadEnvironment } from './file-kind.ts'

describe('file kinds', () => {
  it.each(['common/brand.test.ts', 'test/fakes/clock.ts', 'e2e/01-start.test.ts', 'decide/route/request.fixture.ts'])(
    '%s is test code',
    path => {
      expect(isKindOfTest(path)).toBe(true)
    },
  )

  it.each(['common/brand.ts', 'sidecar/testing.ts', 'tools/test.ts'])('%s is source', path => {
    expect(isKindOfTest(path)).toBe(false)
  })

  it('lets config.ts, tools, bench and tests read the environment, and nobody else', () => {
    const paths = [
      'sidecar/config.ts',
      'tools/ok.ts',
      'bench/main.ts',
      'e2e/x.test.ts',
      'sidecar/app.ts',
      'cli/main.ts',
    ]
    expect(paths.map(mayReadEnvironment)).toEqual([true, true, true, true, false, false])
  })
})
