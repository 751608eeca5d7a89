import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { programPath } from './kit/caller.ts'
import { eventually, yes } from './kit/eventually.ts'
import { type Mesh, startMesh, temporaryDir } from './kit/mesh.ts'
import { run } from './kit/program.ts'

const BUILD_MS = 90_000
const ANSWER_MS = 15_000

/** The clients, each as its users have it, by the name of its process and what it says of itself. */
const CLIENTS = ['curl', 'fetch', 'undici', 'urllib', 'go'] as const

let folder: string
let mesh: Mesh

beforeAll(async () => {
  folder = temporaryDir()
  mesh = await startMesh(meshFile(await goClient()))
}, 150_000)
afterAll(async () => {
  await mesh?.stop()
  rmSync(folder, { recursive: true, force: true })
})

/** A real Go program where Go is installed; else a client that puts the same bytes on the wire. */
async function goClient(): Promise<string> {
  const found = await run(['sh', '-c', 'command -v go'])
  if (found.code !== 0) return `node, ${programPath('absolute-form-client.ts')}`
  const binary = join(folder, 'go-client')
  const built = await run(['go', 'build', '-o', binary, programPath('go-client/main.go')], {
    env: { GO111MODULE: 'off', GOFLAGS: '' },
    timeoutMs: BUILD_MS,
  })
  if (built.code !== 0) throw new Error(`Cannot build the Go client:\n${built.stderr}`)
  return binary
}

function meshFile(goCommand: string): string {
  const commands: Readonly<Record<(typeof CLIENTS)[number], string>> = {
    curl: `sh, -c, 'while :; do curl -sS -m 5 -w "curl got %{http_code}: " -o body http://pages/from-curl && cat body; sleep 0.5; done'`,
    fetch: `node, ${programPath('fetch-client.ts')}`,
    undici: `node, ${programPath('undici-client.ts')}`,
    urllib: `python3, ${programPath('client.py')}`,
    go: goCommand,
  }
  return [
    processOf('pages', `python3, ${programPath('server.py')}`, ', service: pages'),
    processOf('mortal', `node, ${programPath('mortal.ts')}`, ', service: mortal, env: { LIFE_MS: "1500" }'),
    ...CLIENTS.map(name => processOf(name, commands[name])),
  ].join('\n')
}

function processOf(name: string, command: string, more = ''): string {
  return `---
apiVersion: selvedge.dev/v1
kind: Process
metadata: { name: ${name}, namespace: shop }
spec: { command: [${command}]${more} }`
}

describe("a user's own programs, in whatever language", () => {
  test('print with their names before each line', async () => {
    await mesh.program.line(/^pages +\| python listens$/, ANSWER_MS)
    await mesh.program.line(/^mortal +\| mortal [0-9]+ lives$/, ANSWER_MS)
  })

  test.each(CLIENTS)('reach a service by its name through the environment alone: %s', async name => {
    // The service says who called: the client's certificate has been seen at the far end, so it went through both sidecars.
    await mesh.program.line(
      new RegExp(
        `^${name} +\\| ${name} got 200: python answers /from-${name} to spiffe://cluster.local/ns/shop/sa/${name}$`,
      ),
      ANSWER_MS,
    )
  })

  test('call over mTLS, all of them, and no call fails', async () => {
    const edges = await eventually('an edge of each client', ANSWER_MS, async () => {
      const found = (await mesh.edges()).filter(({ destination }) => destination === 'shop/pages')
      return found.length === CLIENTS.length ? found : undefined
    })
    for (const edge of edges) expect(edge).toMatchObject({ mtlsRate: 1, successRate: 1 })
  })
})

describe('a program that dies', () => {
  test('is started again after rests that grow, and its end is told', async () => {
    for (const rest of [100, 200, 400]) {
      await mesh.program.line(
        new RegExp(`^selvedge +\\| mortal ended \\(exit status 3\\); it starts again in ${rest} ms$`),
        ANSWER_MS,
      )
    }
    const lives = () => mesh.program.stdout.filter(line => /^mortal +\| mortal [0-9]+ lives$/.test(line)).length
    await eventually('its fourth life', ANSWER_MS, () => yes(lives() >= 4))
  })

  test('is told as it was, when a signal killed it', async () => {
    process.kill(mesh.programOf('shop/pages').pid, 'SIGKILL')
    await mesh.program.line(/^selvedge +\| pages ended \(killed by SIGKILL\); it starts again in 100 ms$/, ANSWER_MS)
    await eventually('its second life', ANSWER_MS, () =>
      yes(mesh.program.stdout.filter(line => /^pages +\| python listens$/.test(line)).length === 2),
    )
  })
})
