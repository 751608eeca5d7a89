import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

const ENTRY = fileURLToPath(new URL('../bin/selvedge.js', import.meta.url))

function run(script: string) {
  const env = { PATH: process.env.PATH, SELVEDGE_HOME: '/nonexistent' }
  const { status, stderr } = spawnSync('/bin/sh', ['-c', script, 'sh', process.execPath, ENTRY], { env })
  return { status, stderr: String(stderr) }
}

describe('a command in a hard place', () => {
  test.runIf(existsSync('/dev/full'))('whose stdout takes nothing says so in one sentence', () => {
    const { status, stderr } = run('"$1" "$2" version > /dev/full')
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: expect.stringMatching(/^Cannot write the answer: ENOSPC[^\n]*\n$/),
    })
  })

  test.runIf(process.platform === 'linux' && process.getuid?.() === 0)(
    'of a user without a home says what it lacks, and no more',
    () => {
      const { status, stderr } = run(
        `"$1" -e 'process.setgid(54321); process.setuid(54321); process.execve(process.execPath, process.argv.slice(1), {})' "$1" "$2" graph`,
      )
      expect({ status, stderr }).toEqual({
        status: 1,
        stderr: expect.stringMatching(/^Cannot find a control plane: [^\n]*\n$/),
      })
    },
  )
})
