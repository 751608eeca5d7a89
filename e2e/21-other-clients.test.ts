import { rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createHttp2Server, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2'
import type { AddressInfo, Server } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTestServer, type TestServer } from './grpc/server.ts'
import { eventually, yes } from './kit/eventually.ts'
import { temporaryDir } from './kit/mesh.ts'
import { PAIR_HOST, type Pair, startPair } from './kit/pair.ts'
import { projectRoot, type Ran, run } from './kit/program.ts'

const BODY = 'an answer of some length\n'
const LARGE = 'x'.repeat(3_000_000)

/** Answers over HTTP/1.1 or HTTP/2 alike: tells the version that it was asked in, and takes what it is sent. */
function answer(request: IncomingMessage | Http2ServerRequest, response: ServerResponse | Http2ServerResponse): void {
  let bytes = 0
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length
  })
  request.on('end', () => {
    response.setHeader('x-asked-in', request.httpVersion)
    response.setHeader('x-bytes', String(bytes))
    response.end(request.url === '/large' ? LARGE : BODY)
  })
}

async function listening(server: Server): Promise<number> {
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

describe.each([
  ['HTTP/1.1', 'http', '1.1', () => createServer({ maxHeaderSize: 64 * 1024 }, answer)],
  ['HTTP/2', 'http2', '2.0', () => createHttp2Server().on('request', answer)],
] as const)('programs that speak HTTP/2, to an application that speaks %s', (_name, protocol, version, make) => {
  let application: Server
  let port: number
  let pair: Pair
  let dir: string

  beforeAll(async () => {
    dir = temporaryDir()
    application = make()
    port = await listening(application)
    pair = await startPair({ protocol, applications: [port] })
  })
  afterAll(async () => {
    await pair?.close()
    application.close()
    rmSync(dir, { recursive: true, force: true })
  })

  const nghttp = (...args: string[]): Promise<Ran> =>
    run([
      'nghttp',
      '--header',
      `:authority: ${PAIR_HOST}`,
      ...args.slice(1),
      `http://127.0.0.1:${pair.outbound}${args[0]}`,
    ])
  const curl = (path: string, ...args: string[]): Promise<Ran> =>
    run(['curl', '-sS', '-i', ...args, '-H', `Host: ${PAIR_HOST}`, `http://127.0.0.1:${pair.outbound}${path}`])

  test('curl --http2-prior-knowledge gets its answer', async () => {
    const { stdout, stderr } = await curl('/', '--http2-prior-knowledge')
    expect(stderr).toBe('')
    expect(stdout).toMatch(/^HTTP\/2 200 /)
    expect(stdout).toContain(`x-asked-in: ${version}`)
    expect(stdout.endsWith(BODY)).toBe(true)
  })

  test('curl over HTTP/1.1 gets the same', async () => {
    const { stdout } = await curl('/', '--http1.1')
    expect(stdout).toMatch(/^HTTP\/1\.1 200 /)
    expect(stdout.endsWith(BODY)).toBe(true)
  })

  test('curl sends and gets megabytes', async () => {
    const file = join(dir, 'large')
    writeFileSync(file, LARGE)
    const { stdout } = await curl('/large', '--http2-prior-knowledge', '--data-binary', `@${file}`)
    expect(stdout).toContain(`x-bytes: ${LARGE.length}`)
    expect(stdout.length).toBeGreaterThan(LARGE.length)
  })

  test('curl --head gets a head and no body', async () => {
    const { stdout, stderr } = await curl('/', '--http2-prior-knowledge', '--head')
    expect([stderr, /^HTTP\/2 200 /.test(stdout), stdout.includes(BODY)]).toEqual(['', true, false])
  })

  test('nghttp gets several answers on one connection, with padding and continuations', async () => {
    const fields = Array.from({ length: 30 }, (_, i) => ['--header', `x-filler-${i}: ${'y'.repeat(800)}`]).flat()
    const { stdout, stderr } = await nghttp('/', '--multiply=5', '--padding=20', '--continuation', ...fields)
    expect(stderr).toBe('')
    expect(stdout).toBe(BODY.repeat(5))
  })

  test('nghttp with a small window and a small table gets all of a large body', async () => {
    const { stdout } = await nghttp(
      '/large',
      '--window-bits=10',
      '--connection-window-bits=16',
      '--header-table-size=64',
    )
    expect(stdout.trimEnd().length).toBe(LARGE.length)
  })

  test('h2load has every answer, with many streams on many connections', async () => {
    const args = ['-n', '2000', '-c', '8', '-m', '32', '-t', '1', '-H', `:authority: ${PAIR_HOST}`]
    const { stdout } = await run(['h2load', ...args, `http://127.0.0.1:${pair.outbound}/`])
    expect(stdout).toContain('2000 done, 2000 succeeded, 0 failed, 0 errored, 0 timeout')
    expect(stdout).toContain('status codes: 2000 2xx, 0 3xx, 0 4xx, 0 5xx')
  })
})

describe("gRPC's own C++ core, by Python's grpcio", () => {
  const PREPARE_MS = 90_000
  let server: TestServer
  let pair: Pair
  let python: string

  beforeAll(async () => {
    const prepared = await run(['sh', `${projectRoot}e2e/grpc/prepare.sh`], { timeoutMs: PREPARE_MS })
    if (prepared.code !== 0)
      throw new Error(
        `Cannot make Python's grpcio: ${prepared.stderr}. Install python3 with venv: apt-get install python3-venv`,
      )
    python = prepared.stdout.trim()
    server = await startTestServer()
    pair = await startPair({ protocol: 'grpc', applications: [server.port] })
  }, PREPARE_MS)
  afterAll(async () => {
    await pair?.close()
    server?.close()
  })

  const calls = async (port: number): Promise<Record<string, unknown>> => {
    const { stdout, stderr } = await run([python, `${projectRoot}e2e/grpc/client.py`, String(port), PAIR_HOST])
    if (stdout === '') throw new Error(stderr)
    return JSON.parse(stdout) as Record<string, unknown>
  }

  test('hears through two sidecars exactly what it hears without them', async () => {
    const straight = await calls(server.port)
    expect(straight).toMatchObject({
      echo: ['hello', 'a, b', [0, 255, 13, 10], [0, 255, 13, 10]],
      large: 4_000_000,
      both: ['one', 'two', 'three'],
      failure: { code: 'FAILED_PRECONDITION' },
      nothing: { code: 'UNIMPLEMENTED' },
      deadline: 'DEADLINE_EXCEEDED',
      cancelled: 'CANCELLED',
    })
    expect(await calls(pair.outbound)).toEqual(straight)
    expect(await calls(pair.gateway)).toEqual(straight)
  })

  test('what it cancels, or has no time for, ends at the server', async () => {
    const before = server.cancelled
    await calls(pair.outbound)
    await eventually('both', 3_000, () => yes(server.cancelled === before + 2))
  })
})
