import { existsSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { eventually, pause, yes } from './kit/eventually.ts'
import { markedProcesses } from './kit/marked.ts'
import { FREE_PORTS, temporaryDir } from './kit/mesh.ts'
import { type Program, startSelvedge } from './kit/program.ts'

/** What is promised of Ctrl-C, and what the operating system needs to tell us of it. */
const END_MS = 2_000
const NOTICE_MS = 250

let dir: string
let program: Program | undefined

beforeEach(() => {
  dir = temporaryDir()
})
afterEach(async () => {
  await program?.end()
  rmSync(dir, { recursive: true, force: true })
})

function up(...flags: readonly string[]): Program {
  program = startSelvedge(['up', ...FREE_PORTS, '--context', join(dir, 'context.json'), ...flags], { cwd: dir })
  return program
}

interface Summary {
  readonly requests: number
  readonly successRate: number
  readonly mtlsRate: number
  readonly sidecars: number
  readonly edges: readonly Record<string, unknown>[]
}

describe('selvedge up', () => {
  test('runs the bookshop, ends by itself, and its last line is the summary', async () => {
    const mesh = up('--for', '8s', '-o', 'json')
    await mesh.line(/the mesh is ready/, 40_000)
    const context = join(dir, 'context.json')
    expect(statSync(context).mode & 0o777).toBe(0o600)
    expect(await mesh.exited).toEqual({ code: 0, signal: null })
    const summary = JSON.parse(mesh.stdout.at(-1) ?? '') as Summary
    expect(summary).toMatchObject({ successRate: 1, mtlsRate: 1, sidecars: 7 })
    // 40 pages a second, and each page is several requests.
    expect(summary.requests).toBeGreaterThan(600)
    expect(summary.edges.length).toBeGreaterThanOrEqual(5)
    for (const edge of summary.edges) {
      expect(edge).toMatchObject({
        source: expect.stringMatching(/^bookshop\//),
        destination: expect.stringMatching(/^bookshop\//),
        requests: expect.any(Number),
        p50Ms: expect.any(Number),
        p99Ms: expect.any(Number),
      })
    }
    expect(mesh.stdout).toHaveLength(1)
    expect(existsSync(context)).toBe(false)
    // The guard, a shell, goes last: it removes the temporary folder.
    await eventually('nobody is left', END_MS, () => yes(markedProcesses(mesh.mark).length === 0))
  })

  test('shows plain lines without a terminal: the address of the API, a table of edges, and a sum', async () => {
    const mesh = up('--for', '6s')
    expect(await mesh.exited).toEqual({ code: 0, signal: null })
    const output = mesh.stdout.join('\n')
    expect(output).toMatch(/API http:\/\/127\.0\.0\.1:[0-9]+/)
    expect(output).toMatch(/SOURCE +DESTINATION +REQ\/S +SUCCESS +P50 +P99 +MTLS/)
    expect(output).toMatch(/bookshop\/storefront +bookshop\/catalog .* 100% .* 100%/)
    expect(mesh.stdout.at(-1)).toMatch(/all has ended: [0-9]+ requests on 5 edges, 100% successful, 100% over mTLS/)
    // No colours, and nothing that moves a cursor.
    expect(output).not.toContain('\x1b')
  })

  test.each(['Ctrl-C, which goes to the whole group', 'SIGTERM to the process alone'])(
    'ends everything within two seconds after %s',
    async how => {
      const mesh = up()
      await mesh.line(/the mesh is ready/, 40_000)
      await mesh.line(/load +\| visiting/, 10_000)
      expect(markedProcesses(mesh.mark).length).toBeGreaterThan(15)
      const asked = performance.now()
      if (how.startsWith('Ctrl-C')) mesh.signalGroup('SIGINT')
      else mesh.signal('SIGTERM')
      await mesh.exited
      await eventually('nobody is left', END_MS + NOTICE_MS, () => yes(markedProcesses(mesh.mark).length === 0))
      const tookMs = performance.now() - asked
      console.log(`ended within ${Math.round(tookMs)} ms`)
      expect(tookMs).toBeLessThan(END_MS + NOTICE_MS)
      expect(existsSync(join(dir, 'context.json'))).toBe(false)
    },
  )

  test.each([500, 1_000, 1_500])('ends as fast when it is told so %d ms after its start, ready or not', async ms => {
    const mesh = up()
    await pause(ms)
    const asked = performance.now()
    mesh.signalGroup('SIGINT')
    expect(await mesh.exited).toEqual({ code: 0, signal: null })
    await eventually('nobody is left', END_MS + NOTICE_MS, () => yes(markedProcesses(mesh.mark).length === 0))
    expect(performance.now() - asked).toBeLessThan(END_MS + NOTICE_MS)
    expect(existsSync(join(dir, 'context.json'))).toBe(false)
  })

  test('leaves nobody behind when it is killed itself', async () => {
    const mesh = up()
    await mesh.line(/the mesh is ready/, 40_000)
    mesh.signal('SIGKILL')
    await mesh.exited
    await eventually('nobody is left', 6_000, () => yes(markedProcesses(mesh.mark).length === 0))
  })
})
