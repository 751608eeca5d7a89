import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

// CHECKLIST, H2-20. It asks its own authority for everything: a gateway takes that for the service that it stands for.

const TOOL = fileURLToPath(new URL('../../../tools/h2spec/main.ts', import.meta.url))
const LIMIT_MS = 300_000
/** 146 cases, and the one that it calls strict. */
const ALL = '147 tests, 147 passed, 0 skipped, 0 failed'

test(
  '[H2-20] h2spec passes all its cases against a gateway of a sidecar, in plaintext by prior knowledge and over TLS by ALPN',
  async () => {
    const { stdout, stderr } = await new Promise<{ stdout: string; stderr: string }>(resolve => {
      execFile(process.execPath, [TOOL], { timeout: LIMIT_MS }, (_error, out, err) =>
        resolve({ stdout: out, stderr: err }),
      )
    })
    expect(stderr).toBe('')
    // Its own words for what failed say more than a number.
    const failures = stdout.split('\n').filter(line => /×|^\s*(->|Expected:|Actual:)/.test(line))
    expect(failures).toEqual([])
    const counts = stdout.split('\n').filter(line => /^\d+ tests, /.test(line))
    expect(counts).toEqual([ALL, ALL])
  },
  LIMIT_MS,
)
