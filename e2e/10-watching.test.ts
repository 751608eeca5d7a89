import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Caller, callerIn, callerProcess, echoProcess, programPath } from './kit/caller.ts'
import { eventually, yes } from './kit/eventually.ts'
import { markedProcesses } from './kit/marked.ts'
import { type Mesh, startMesh } from './kit/mesh.ts'
import { freePorts } from './kit/ports.ts'
import { type Program, startSelvedge } from './kit/program.ts'

const REQUESTS = 60
/** Sidecars report once a second or so. */
const REPORTED_MS = 8_000
const STARTED_MS = 20_000
/** Front calls back: one request, three sidecars. */
const CHAIN = `http://front/call?url=${encodeURIComponent('http://back/deep')}`

let mesh: Mesh
let caller: Caller

beforeAll(async () => {
  mesh = await startMesh(
    [
      echoProcess('front', 'front'),
      echoProcess('back', 'back'),
      echoProcess('broken', 'broken', ', ANSWER: "503"'),
      callerProcess(),
      `
---
apiVersion: selvedge.dev/v1
kind: MeshPolicy
metadata: { name: default, namespace: selvedge-system }
spec: { tracing: { sampling: 100 } }
`,
    ].join(''),
  )
  caller = await callerIn(mesh)
  const counts = await caller.burst({ url: CHAIN, count: REQUESTS, concurrency: 4 })
  if (counts.failed > 0) throw new Error(`The chain does not work: ${counts.failures[0]}`)
  await caller.burst({ url: 'http://broken/', count: 10, concurrency: 1 })
  await eventually('the traffic is reported', REPORTED_MS, async () => {
    const requests = new Map((await mesh.edges()).map(edge => [`${edge.source} ${edge.destination}`, edge.requests]))
    return yes(
      requests.get('shop/caller shop/front') === REQUESTS &&
        requests.get('shop/front shop/back') === REQUESTS &&
        requests.get('shop/caller shop/broken') === 10,
    )
  })
}, 90_000)
afterAll(async () => {
  await mesh?.stop()
})

async function shown(...args: readonly string[]): Promise<string> {
  const ran = await mesh.cli(args)
  expect(ran, args.join(' ')).toMatchObject({ code: 0, stderr: '' })
  return ran.stdout
}

describe('who calls whom', () => {
  test('top --once shows each edge with its rate, success, latencies and mTLS share', async () => {
    const lines = (await shown('top', '--once', '--window', '5m')).trimEnd().split('\n')
    expect(lines[0]).toMatch(/^SOURCE +DESTINATION +REQ\/S +SUCCESS +P50 +P99 +MTLS +RETRIES/)
    expect(lines).toHaveLength(4)
    expect(lines.find(line => /^shop\/caller +shop\/front /.test(line))).toMatch(/ 100% .* ms .* ms +100% /)
    expect(lines.find(line => /^shop\/front +shop\/back /.test(line))).toMatch(/ 100% .* ms .* ms +100% /)
    expect(lines.find(line => /^shop\/caller +shop\/broken /.test(line))).toMatch(/ 0% .* 100% /)
  })

  test('graph draws the tree of calls', async () => {
    const drawn = await shown('graph', '--window', '0s')
    expect(drawn).toMatch(/^shop\/caller\n/)
    expect(drawn).toMatch(/^├─ shop\/broken .* 0% ok/m)
    expect(drawn).toMatch(/^└─ shop\/front .* 100% ok, p99 .* ms, mTLS$/m)
    expect(drawn).toMatch(/^ {3}└─ shop\/back .* 100% ok/m)
  })

  test('graph -o json counts every request, and none twice', async () => {
    const graph = JSON.parse(await shown('graph', '--window', '0s', '-o', 'json')) as { edges: unknown[] }
    expect(graph.edges).toHaveLength(3)
    const chain = { requests: REQUESTS, successRate: 1, mtlsRate: 1 }
    expect(graph.edges).toContainEqual(
      expect.objectContaining({ source: 'shop/caller', destination: 'shop/front', ...chain }),
    )
    expect(graph.edges).toContainEqual(
      expect.objectContaining({ source: 'shop/front', destination: 'shop/back', ...chain }),
    )
  })

  test('graph -o yaml and -o dot say the same for other programs', async () => {
    expect(await shown('graph', '--window', '0s', '-o', 'yaml')).toContain('destination: shop/back')
    const dot = await shown('graph', '--window', '0s', '-o', 'dot')
    expect(dot).toMatch(/^digraph selvedge \{\n/)
    expect(dot).toMatch(/^ {2}"shop\/front" -> "shop\/back" \[label=/m)
    expect(dot).toMatch(/^ {2}"shop\/caller" -> "shop\/broken" \[.*color=red\]$/m)
    expect(dot.trimEnd()).toMatch(/\}$/)
  })
})

describe('who is connected', () => {
  test('proxy status shows each sidecar with its version, revision and certificate', async () => {
    const lines = (await shown('proxy', 'status')).trimEnd().split('\n')
    expect(lines[0]).toMatch(/^WORKLOAD +STREAM +VERSION +REVISION +CERTIFICATE +LAST NACK$/)
    for (const name of ['back', 'broken', 'caller', 'front']) {
      const line = lines.find(one => one.startsWith(`shop/${name} `))
      expect(line).toMatch(/ connected [0-9]+s +[0-9.]+ +([0-9]+) of \1 +2[34]h left +-$/)
    }
  })
})

describe('one request', () => {
  const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'

  test('is shown across all sidecars as a waterfall, by its id', async () => {
    await caller.once({ url: CHAIN, headers: { traceparent: `00-${traceId}-00f067aa0ba902b7-01` } })
    const lines = await eventually('all spans have come', REPORTED_MS, async () => {
      const ran = await mesh.cli(['trace', traceId])
      return / 8 spans\n/.test(ran.stdout) ? ran.stdout.trimEnd().split('\n') : undefined
    })
    expect(lines[0]).toMatch(new RegExp(`^trace ${traceId}: [0-9.]+ ms, 8 spans$`))
    expect(lines.slice(2).map(withoutBar)).toEqual([
      expect.stringMatching(/^shop\/caller calls shop\/front: GET \/call +200 /),
      expect.stringMatching(/^ {2}attempt at 127\.0\.0\.1:[0-9]+ +200 /),
      expect.stringMatching(/^ {4}shop\/front answers +200 /),
      expect.stringMatching(/^ {6}attempt at 127\.0\.0\.1:[0-9]+ +200 /),
      expect.stringMatching(/^ {8}shop\/front calls shop\/back: GET \/deep +200 /),
      expect.stringMatching(/^ {10}attempt at 127\.0\.0\.1:[0-9]+ +200 /),
      expect.stringMatching(/^ {12}shop\/back answers +200 /),
      expect.stringMatching(/^ {14}attempt at 127\.0\.0\.1:[0-9]+ +200 /),
    ])
  })

  test('that was the slowest of all is found without its id', async () => {
    await caller.once({ url: 'http://back/slowest?ms=700' })
    const slow = await eventually('it is reported', REPORTED_MS, async () => {
      const ran = await mesh.cli(['trace', '--slow'])
      return /^shop\/caller calls shop\/back: GET \/slowest /m.test(ran.stdout) && / 4 spans\n/.test(ran.stdout)
        ? ran.stdout
        : undefined
    })
    expect(slow).toMatch(/^trace [0-9a-f]{32}: [7-9][0-9]{2} ms, 4 spans\n/)
  })

  test('that nobody knows is not shown, with exit status 1', async () => {
    const unknown = await mesh.cli(['trace', '0'.repeat(31).concat('1')])
    expect(unknown).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('Cannot find the trace') })
  })
})

function withoutBar(line: string): string {
  return line.replace(/ +█+$/, '')
}

describe('selvedge run', () => {
  let running: Program | undefined
  afterAll(async () => {
    await running?.end()
  })

  test('joins a program to a running mesh: others reach it by the name of its service', async () => {
    const [port = 0] = await freePorts(1)
    const program = ['--port', String(port), '--', 'node', programPath('echo.ts')]
    running = startSelvedge(['run', '-n', 'shop', '--service', 'late', ...program], {
      cwd: mesh.dir,
      env: { SELVEDGE_CONTEXT: mesh.contextFile, NAME: 'late' },
    })
    await running.line(/^late listens$/, STARTED_MS)
    const answer = await eventually('others reach it', REPORTED_MS, async () => {
      const found = await caller.once({ url: 'http://late/hello' })
      return found.status === 200 ? found : undefined
    })
    expect(JSON.parse(answer.body)).toMatchObject({
      name: 'late',
      headers: { 'x-selvedge-caller': 'spiffe://cluster.local/ns/shop/sa/caller' },
    })
  })

  test("runs a program that only calls, prints its output as it is, and ends with the program's exit status", async () => {
    const curl = await mesh.cli(['run', '-n', 'shop', '--', 'curl', '-sS', 'http://late/from-run'])
    expect(curl.code).toBe(0)
    expect(JSON.parse(curl.stdout)).toMatchObject({ name: 'late', url: '/from-run' })
    expect((await mesh.cli(['run', '-n', 'shop', '--', 'sh', '-c', 'exit 7'])).code).toBe(7)
  })

  test('ends with Ctrl-C, takes its program with it, and callers are told that nobody is there', async () => {
    running?.signalGroup('SIGINT')
    await running?.exited
    await eventually('nobody is left of it', 2_000, () => yes(markedProcesses(running?.mark ?? '').length === 0))
    const gone = await eventually('it is withdrawn', 2_000, async () => {
      const answer = await caller.once({ url: 'http://late/' })
      return answer.head['x-selvedge-cause'] === 'no-healthy-endpoint' ? answer : undefined
    })
    expect(gone.status).toBe(503)
  })
})
