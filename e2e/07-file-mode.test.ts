import { chmodSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { eventually, yes } from './kit/eventually.ts'
import { markedProcesses, roleOf } from './kit/marked.ts'
import { temporaryDir } from './kit/mesh.ts'
import { freePorts } from './kit/ports.ts'
import { type Program, projectRoot, run, startProgram } from './kit/program.ts'

/** All ports that docs/file-mode.md names. */
const PAGE_PORTS = ['8080', '15000', '15001', '15006', '15020', '16000', '16001', '16006', '16020'] as const
const STARTED_MS = 15_000
const SIGTERM_MS = 5_000

/** A step of the page: what is typed, and what is shown after it. */
interface Step {
  readonly title: string
  readonly kind: 'file' | 'command' | 'server'
  readonly text: string
  readonly expected: readonly string[]
}

let home: string
let environment: Record<string, string>
/** What the page leaves running, each in a terminal of its own. */
const servers: Program[] = []
/** Lines that hold for the rest of a terminal's life. */
const session: string[] = []

const page = readFileSync(join(projectRoot, 'docs/file-mode.md'), 'utf8')
const ports = new Map(PAGE_PORTS.map(port => [port as string, port as string]))

beforeAll(async () => {
  home = temporaryDir()
  const selvedge = join(home, 'selvedge')
  writeFileSync(selvedge, `#!/bin/sh\nexec "${process.execPath}" "${projectRoot}bin/selvedge.js" "$@"\n`)
  chmodSync(selvedge, 0o755)
  const free = await freePorts(PAGE_PORTS.length)
  for (const [i, port] of PAGE_PORTS.entries()) ports.set(port, String(free[i]))
  const port = (name: string): string => ports.get(name) ?? name
  environment = {
    PATH: `${home}:${process.env.PATH}`,
    // The page uses the default ports; here they may be taken.
    SELVEDGE_OUTBOUND_PORT: port('15001'),
    SELVEDGE_INBOUND_PORT: port('15006'),
    SELVEDGE_ADMIN_PORT: port('15000'),
    SELVEDGE_METRICS_PORT: port('15020'),
  }
})
afterAll(async () => {
  for (const server of servers) await server.end()
  rmSync(home, { recursive: true, force: true })
})

function withFreePorts(text: string): string {
  return text.replace(/\b[0-9]{4,5}\b/g, number => ports.get(number) ?? number)
}

/** The fenced blocks of the page, each command with the texts that follow it. */
function steps(): Step[] {
  const found: { title: string; kind: Step['kind']; text: string; expected: string[] }[] = []
  let title = ''
  for (const [, heading, language, text = ''] of page.matchAll(/^## (.*)$|^```([a-z]+)\n([\s\S]*?)^```$/gm)) {
    if (heading !== undefined) title = heading
    else if (language === 'text') found.at(-1)?.expected.push(...text.trimEnd().split('\n'))
    else if (language === 'yaml') found.push({ title, kind: 'file', text, expected: [] })
    else if (!text.startsWith('alias ')) {
      const kind = /^(selvedge sidecar|python3 -m http\.server) /m.test(text) ? 'server' : 'command'
      found.push({ title, kind, text, expected: [] })
    }
  }
  return found
}

describe('docs/file-mode.md, typed as it stands', () => {
  test.each(steps().map((step, i) => ({ ...step, name: `${i + 1}: ${step.title}` })))('step $name', async step => {
    const text = withFreePorts(step.text)
    const expected = step.expected.map(withFreePorts)
    if (step.kind === 'file') {
      writeFileSync(join(home, 'mesh/mesh.yaml'), text)
      return
    }
    const own = session.join('\n')
    session.push(...text.split('\n').filter(line => /^(export |mkdir -p \S+ && cd )/.test(line)))
    const options = { cwd: home, env: environment }
    if (step.kind === 'server') {
      const server = startProgram(['bash', '-c', `${own}\n${text}`], options)
      servers.push(server)
      if (expected.length > 0) await server.line(/ ready /, STARTED_MS)
      else await eventually('the service answers', STARTED_MS, () => answers(ports.get('8080') ?? ''))
      expect(server.stdout.join('\n')).toContain(expected.join('\n'))
      return
    }
    const ran = await run(['bash', '-c', `${own}\n${text}`], options)
    expect(ran.code, ran.stderr).toBe(0)
    // What a sidecar says in its log is shown in its own terminal.
    const shown = [ran.stdout, ...servers.flatMap(({ stdout, stderr }) => [...stdout, ...stderr])].join('\n')
    for (const line of expected) expect(shown).toContain(line)
    if (expected.length === 1) expect(ran.stdout).toContain(expected[0])
  })

  test('leaves a key that only its owner can read', () => {
    expect(statSync(join(home, 'mesh/ca/ca.key')).mode & 0o777).toBe(0o600)
  })

  test('ends: each sidecar leaves with exit status 0 and no process behind', async () => {
    for (const sidecar of servers.slice(1)) {
      const [pid] = markedProcesses(sidecar.mark)
        .filter(one => roleOf(one) === 'sidecar')
        .map(one => one.pid)
      process.kill(pid ?? 0, 'SIGINT')
      const exit = await Promise.race([sidecar.exited, new Promise(resolve => setTimeout(resolve, SIGTERM_MS, 'late'))])
      expect(exit).toEqual({ code: 0, signal: null })
      await eventually('nobody is left', 1_000, () => yes(markedProcesses(sidecar.mark).length === 0))
    }
  })
})

async function answers(port: string): Promise<true | undefined> {
  return yes((await fetch(`http://127.0.0.1:${port}/`)).ok)
}
