import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { HEAD_BYTES_MAX } from '../../../common/mod.ts'
import { until } from '../../in-process/mesh.ts'
import { answering, counter, type DoorName, type Edge, expectInOrder, OK_ONCE, startEdge } from './kit.ts'

// CHECKLIST, H1-5, 24 and 25, and all that an endpoint can get wrong: 502, and that connection is closed.

interface MalformedAnswer {
  readonly title: string
  readonly text: string
  readonly why: RegExp
}

const malformed = (title: string, text: string, why: RegExp): MalformedAnswer => ({ title, text, why })
const fields = (...lines: readonly string[]) => `HTTP/1.1 200 OK\r\n${lines.map(line => `${line}\r\n`).join('')}\r\n`

const MALFORMED_ANSWERS: readonly MalformedAnswer[] = [
  malformed('[H1-24] no HTTP at all', 'SSH-2.0-OpenSSH\r\n', /not a start line/),
  malformed('[H1-24] HTTP/2.0', 'HTTP/2.0 200 OK\r\n\r\n', /not a status line/),
  malformed('[H1-24] HTTP/1.2', 'HTTP/1.2 200 OK\r\n\r\n', /a version other/),
  malformed('[H1-24] a status of two digits', 'HTTP/1.1 20 OK\r\n\r\n', /not a status line|malformed status/),
  malformed('[H1-24] a status of four digits', 'HTTP/1.1 2000 OK\r\n\r\n', /not a status line|malformed status/),
  malformed('[H1-24] a status above 599', 'HTTP/1.1 600 OK\r\n\r\n', /malformed status/),
  malformed('[H1-24] an interim answer of HTTP/1.0', 'HTTP/1.0 103 x\r\n\r\n', /interim answer of HTTP\/1\.0/),
  malformed('[H1-24] an empty line before it', '\r\nHTTP/1.1 200 OK\r\n\r\n', /empty line before/),
  malformed('[H1-24] LF ends its lines', 'HTTP/1.1 200 OK\nX: y\n\n', /bare LF/),
  malformed('[H1-24] CR alone in a value', fields('X: a\rb'), /CR without LF/),
  malformed('[H1-24] NUL in a value', fields('X: a\0b'), /control character/),
  malformed('[H1-24] a folded field', fields('X: y', ' z'), /not "name: value"/),
  malformed('[H1-24] a space before a colon', fields('X : y'), /not "name: value"/),
  malformed(
    '[H1-24] Content-Length and Transfer-Encoding',
    fields('Content-Length: 1', 'Transfer-Encoding: chunked'),
    /together/,
  ),
  malformed(
    '[H1-24] Transfer-Encoding twice',
    fields('Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'),
    /twice/,
  ),
  malformed('[H1-24] gzip, chunked', fields('Transfer-Encoding: gzip, chunked'), /other than chunked/),
  malformed(
    '[H1-24] Transfer-Encoding in HTTP/1.0',
    'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
    /HTTP\/1\.0/,
  ),
  malformed('[H1-24] a head of more than 64 KiB', fields(`X: ${'y'.repeat(HEAD_BYTES_MAX)}`), /head is too large/),
  malformed('[H1-24] more than a hundred fields', fields(...Array<string>(101).fill('X: y')), /too many fields/),
  malformed(
    '[H1-22] [H1-24] a switch of protocols that nobody asked for',
    'HTTP/1.1 101 x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n',
    /nobody asked for/,
  ),
  malformed('[H1-5] Content-Length twice', fields('Content-Length: 1', 'Content-Length: 2'), /twice/),
  malformed('[H1-5] Content-Length twice, alike', fields('Content-Length: 1', 'Content-Length: 1'), /twice/),
  malformed('[H1-5] Content-Length as a list', fields('Content-Length: 1, 1'), /not a whole number/),
  malformed('[H1-25] interim answers without end', 'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(100), /too many interim/),
]

const ways = [
  { way: 'the caller’s sidecar, from an application without one', door: 'application', host: 'plain', sees: 'web' },
  { way: 'the application’s own sidecar, for another one', door: 'application', host: 'app', sees: 'app' },
  { way: 'the application’s own sidecar, for any peer', door: 'peer', host: 'app', sees: 'app' },
] as const satisfies readonly { way: string; door: DoorName; host: string; sees: 'web' | 'app' }[]

let edge: Edge
const refused = { web: 0, app: 0 }

beforeAll(async () => {
  edge = await startEdge()
})
afterAll(() => edge.close())

/** The application says this to whatever comes, once; gives back whether its connection has been closed. */
function saying(text: string): { closed: boolean } {
  const state = { closed: false }
  edge.application.onConnection = socket => {
    socket.once('data', () => socket.write(text, 'latin1'))
    socket.on('close', () => {
      state.closed = true
    })
    socket.on('end', () => socket.end())
  }
  return state
}

async function expectNext(door: DoorName, host: string): Promise<void> {
  edge.application.onConnection = answering(() => OK_ONCE)
  const next = edge.doors[door].call()
  next.send(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
  await next.match(/^HTTP\/1\.1 200 .*ok$/s)
  next.socket.destroy()
}

describe.each(ways)('seen by $way: an answer is 502, and its connection is closed: with', ({ door, host, sees }) => {
  test.each(MALFORMED_ANSWERS)('$title', async ({ text, why }) => {
    const connection = saying(text)
    const caller = edge.doors[door].call()
    // What isn't idempotent is not tried again: one answer, one refusal.
    caller.send(`POST / HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 0\r\n\r\n`)
    await caller.match(/HTTP\/1\.1 502 .*\r\nx-selvedge-cause: upstream-protocol-error\r\n/s)
    expect(caller.received).not.toContain('HTTP/1.1 200')
    caller.socket.destroy()
    await until(() => connection.closed)
    refused[sees]++
    const said = edge[sees].log().filter(({ msg }) => msg === 'Refused an answer: it is malformed')
    expect(said.some(line => why.test(String(line.why)) && line.cause === 'upstream-protocol-error')).toBe(true)
    await expectNext(door, host)
  })

  test.each([
    ['[H1-24] [FAULT-5] a chunk size that is none', '4\r\nhalf\r\nzz\r\n'],
    ['[H1-24] [FAULT-5] a chunk that is longer than its size', '4\r\nhalf-and-more\r\n0\r\n\r\n'],
    ['[H1-24] [FAULT-5] LF in its chunk lines', '4\r\nhalf\r\n4\nmore\r\n0\r\n\r\n'],
  ])('%s: the caller sees an abort, never a clean end', async (_title, rest) => {
    const connection = saying(`${fields('Transfer-Encoding: chunked')}${rest}`)
    const caller = edge.doors[door].call()
    caller.send(`POST / HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 0\r\n\r\n`)
    await caller.ended()
    expect(caller.received).toMatch(/^HTTP\/1\.1 200 /)
    expect(caller.received).not.toMatch(/\r\n0\r\n\r\n$/)
    caller.socket.destroy()
    await until(() => connection.closed)
    refused[sees]++
    await expectNext(door, host)
  })
})

test('[H1-24] [H1-25] [H1-5] each malformed answer was counted, where it was seen', async () => {
  for (const sidecar of ['web', 'app'] as const) {
    const series = 'selvedge_attempts_total{class="protocol-error"}'
    await until(async () => (await counter(edge[sidecar], series)) >= refused[sidecar])
    expect(refused[sidecar]).toBeGreaterThan(MALFORMED_ANSWERS.length)
  }
  await expectInOrder(edge)
})

describe('eight interim answers', () => {
  test.each(ways)('[H1-25] pass, through $way', async ({ door, host }) => {
    saying(`${'HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n'.repeat(8)}${OK_ONCE}`)
    const caller = edge.doors[door].call()
    caller.send(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
    await caller.match(/HTTP\/1\.1 200 .*ok$/s)
    expect(caller.received.match(/HTTP\/1\.1 103 /g)).toHaveLength(8)
    caller.socket.destroy()
  })
})
