import { Agent, createServer as createHttp1, request as requestHttp1 } from 'node:http'
import { type ClientHttp2Session, connect, createServer as createHttp2, type Http2Server } from 'node:http2'
import type { AddressInfo, Server } from 'node:net'
import type { Readable, Writable } from 'node:stream'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { systemRandom } from '../../common/mod.ts'
import { figures, times } from '../loop/loop.ts'
import { type Mesh, type SidecarUnderTest, startMesh, until } from './mesh.ts'
import { type Resource, service, workload } from './resources.ts'

// Bodies of which each byte is known, over all kinds of way at once, with readers that stop and callers that give up: no byte is another's.

const AT_ONCE = 24
const SMALL_BYTES_MAX = 300_000
/** More than what kernels, windows and buffers hold on a way through two sidecars. */
const LARGE_BYTES = 12_000_000
const random = systemRandom
const WAYS = ['http1-mesh', 'http2-mesh', 'http1-plain', 'http2-plain'] as const

let mesh: Mesh
let web: SidecarUnderTest
let applications: Server[]
let caller: ClientHttp2Session
const agent = new Agent({ keepAlive: true })

beforeAll(async () => {
  mesh = startMesh()
  const [http1, http2] = [createHttp1(echo), createHttp2({ settings: { initialWindowSize: 1_000_000 } }, echo)]
  applications = [http1, http2 as Http2Server]
  const resources: Resource[] = []
  for (const [server, kind] of [[http1, 'http1'] as const, [http2, 'http2'] as const]) {
    await new Promise<void>(resolve => void server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const protocol = kind === 'http1' ? 'http' : 'http2'
    const [meshed, plain] = [`${kind}-mesh`, `${kind}-plain`]
    const callee = await mesh.sidecar(meshed, { port, protocol, labels: { app: meshed } })
    resources.push(
      ...[callee.workload, service(meshed, { app: meshed }, 80, protocol)],
      ...[workload(plain, { labels: { app: plain }, port, protocol }), service(plain, { app: plain }, 80, protocol)],
    )
  }
  web = await mesh.sidecar('web', { resources })
  caller = connect(`http://127.0.0.1:${web.outbound}`, { settings: { initialWindowSize: 16_000_000 } })
  caller.on('connect', () => caller.setLocalWindowSize(64_000_000))
})
afterAll(async () => {
  caller.destroy()
  agent.destroy()
  await mesh.close()
  for (const server of applications) server.close()
})

function echo(request: Readable, response: Writable): void {
  request.on('error', () => undefined)
  response.on('error', () => undefined)
  rest(request)
  request.pipe(response)
}

/** Reads nothing for a while, now and then. */
function rest(stream: Readable): void {
  if (random() < 0.5) return
  const timer = setInterval(() => {
    stream.pause()
    setTimeout(() => stream.resume(), random() * 30)
  }, 40)
  stream.once('close', () => clearInterval(timer))
}

/** Four bytes that say whose they are, and where they stand. */
function content(seed: number, bytes: number): Buffer {
  const words = new Uint32Array(Math.ceil(bytes / 4))
  for (let i = 0; i < words.length; i++) words[i] = Math.imul(seed + 1, 0x9e37_79b1) ^ i
  return Buffer.from(words.buffer, 0, bytes)
}

interface Sent {
  readonly outgoing: Writable & { destroy(): unknown }
  readonly incoming: Promise<Readable>
}

function ask(version: 1 | 2, to: string): Sent {
  if (version === 1) {
    const outgoing = requestHttp1({
      host: '127.0.0.1',
      port: web.outbound,
      method: 'POST',
      path: '/',
      agent,
      headers: { host: to },
    })
    return {
      outgoing,
      incoming: new Promise((resolve, reject) => {
        outgoing.on('response', resolve)
        outgoing.on('error', reject)
        outgoing.on('close', () => reject(new Error('closed')))
      }),
    }
  }
  const stream = caller.request({ ':method': 'POST', ':path': '/', ':authority': to })
  return {
    outgoing: stream,
    incoming: new Promise((resolve, reject) => {
      stream.on('response', () => resolve(stream))
      stream.on('error', reject)
      stream.on('close', () => reject(new Error('closed')))
    }),
  }
}

type Outcome = 'whole' | 'given up'

async function one(seed: number): Promise<Outcome> {
  const to = WAYS[Math.floor(random() * WAYS.length)]!
  const large = random() < 0.04
  const bytes = large ? LARGE_BYTES : Math.floor(random() ** 3 * SMALL_BYTES_MAX)
  const givesUp = random() < 0.2
  const expected = content(seed, bytes)
  const { outgoing, incoming } = ask(random() < 0.5 ? 1 : 2, to)
  outgoing.on('error', () => undefined)
  if (givesUp) setTimeout(() => outgoing.destroy(), random() * 60)
  write(outgoing, expected)
  let received = 0
  try {
    const answer = await incoming
    rest(answer)
    if (large) {
      answer.pause()
      setTimeout(() => answer.resume(), 300)
    }
    await new Promise<void>((resolve, reject) => {
      answer.on('data', (chunk: Buffer) => {
        if (!chunk.equals(expected.subarray(received, received + chunk.length)))
          reject(new Error(`other bytes than those of ${seed} (${to}) at ${received}`))
        received += chunk.length
      })
      answer.on('end', resolve)
      answer.on('error', error => (givesUp ? resolve() : reject(error)))
      answer.on('close', resolve)
    })
  } catch (error) {
    if (!givesUp || String(error).includes('other bytes')) throw error
    return 'given up'
  }
  if (!givesUp && received !== bytes) throw new Error(`${received} of ${bytes} bytes to ${to}`)
  return received === bytes ? 'whole' : 'given up'
}

/** In pieces of all sizes. */
function write(outgoing: Writable, bytes: Buffer): void {
  let at = 0
  const next = (): void => {
    while (at < bytes.length) {
      const piece = bytes.subarray(at, at + 1 + Math.floor(random() ** 4 * 200_000))
      at += piece.length
      if (outgoing.write(piece)) continue
      outgoing.once('drain', next)
      return
    }
    outgoing.end()
  }
  next()
}

test('every byte comes where it belongs, whoever rests or gives up meanwhile', async context => {
  const count = times(300, 20_000)
  const outcomes: Outcome[] = []
  let next = 0
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (next < count) outcomes.push(await one(next++))
    }),
  )
  expect(outcomes).toHaveLength(count)
  const whole = outcomes.filter(outcome => outcome === 'whole').length
  expect(whole).toBeGreaterThan(count * 0.7)
  figures(context, { exchanges: count, whole })
  await until(async () => (await web.endpoints()).every(({ breaker }) => breaker.requests + breaker.pending === 0))
  const errors = web.log().filter(({ level }) => level === 50 || level === 'error')
  expect(errors).toEqual([])
}, 300_000)
