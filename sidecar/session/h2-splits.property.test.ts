import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  block,
  continuation,
  data,
  END_HEADERS,
  END_STREAM,
  frame,
  goaway,
  headers,
  PADDED,
  type Pair,
  PREFACE,
  PRIORITIZED,
  ping,
  priority,
  readFrames,
  request,
  reset,
  settings,
  settingsAck,
  TYPE,
  uint32,
  windowUpdate,
} from '../../test/conformance/h2/wire.ts'
import { FakeSocket, settled } from '../../test/fakes/socket.ts'
import { ServerFirst } from '../detect/mod.ts'
import { type BodySink, type Exchange, Headers, NO_BODY, ownHead, type RequestHead } from '../http/mod.ts'
import { Turn } from '../transport/mod.ts'
import type { ClientEvents } from './client.ts'
import { H2ClientSession } from './h2-client.ts'
import { H2ServerSession } from './h2-server.ts'
import type { ServerHost } from './server-host.ts'

// What a connection makes of a stream of bytes doesn't depend on how the network has cut it, whether the bytes are right or wrong.

/** What was heard and said, in words; pieces of one body that follow each other are one. */
class Record {
  readonly lines: string[] = []
  private open = ''

  say(line: string): void {
    this.open = ''
    this.lines.push(line)
  }

  data(who: string, text: string): void {
    if (text === '') return
    if (this.open === who) this.lines[this.lines.length - 1] += text
    else this.lines.push(`${who}: ${text}`)
    this.open = who
  }
}

/** The frames that were said, but for windows: when they are given back, bytes decide, and by how much at once, how these came. */
function said(sent: string): string[] {
  const { frames, rest } = readFrames(Buffer.from(sent, 'latin1'))
  expect(rest).toHaveLength(0)
  return frames
    .filter(({ type }) => type !== TYPE.WINDOW_UPDATE)
    .map(({ type, flags, stream, payload }) => `${type}/${flags}/${stream} ${payload.toString('hex')}`)
}

async function fed(socket: FakeSocket, pieces: readonly Buffer[]): Promise<void> {
  for (const piece of pieces) {
    if (socket.destroyed || socket.finished) break
    await socket.receive(piece)
  }
  await settled()
}

async function asServer(pieces: readonly Buffer[]): Promise<{ lines: string[]; frames: string[]; ended: boolean }> {
  const record = new Record()
  const socket = new FakeSocket({ allowHalfOpen: true })
  const host: ServerHost = {
    turn: new Turn(() => 1_000),
    serverFirst: new ServerFirst(() => 1_000),
    begin: x => begin(x, record),
    connect: x => record.say(`connect ${x.request.target}`),
    accept: () => record.say('accept'),
    refused: (_, { status, detail }) => record.say(`refused ${status} ${detail}`),
    detected: found => record.say(`detected ${found}`),
    broken: error => {
      throw error
    },
    opened: () => {},
    closed: () => {},
    draining: () => false,
  }
  new H2ServerSession(socket.asSocket, { kind: 'application' }, 0, host)
  await fed(socket, pieces)
  const outcome = { lines: record.lines, frames: said(socket.sent), ended: socket.finished || socket.destroyed }
  socket.destroy()
  await settled()
  return outcome
}

/** Takes the body, and answers at its end. */
function begin(x: Exchange, record: Record): void {
  const { method, target } = x.request
  const who = `${method} ${target}`
  record.say(`${who} ${x.request.headers.toText()}`)
  const sink: BodySink = {
    data: chunk => {
      record.data(who, chunk.toString('latin1'))
      return true
    },
    end: trailers => {
      record.say(`end of ${who} ${trailers?.toText() ?? ''}`)
      x.reply(ownHead(200, 'OK', [['x-for', target.slice(0, 20)]], 2), Buffer.from('ok'))
    },
    reset: () => record.say(`reset of ${who}`),
  }
  x.body.attach(sink)
}

const GET: RequestHead = {
  method: 'GET',
  target: '/',
  authority: 'a',
  headers: Headers.of([['host', 'a']]),
  body: NO_BODY,
  httpVersion: 1,
  minorVersion: 1,
  keepAlive: true,
  expectContinue: false,
  upgrade: undefined,
  hasMeshFields: false,
  traceparent: undefined,
  grpc: false,
}

class Asker implements ClientEvents {
  private readonly who: string
  private readonly record: Record
  constructor(who: string, record: Record) {
    this.who = who
    this.record = record
  }
  onInform(head: { readonly status: number }): void {
    this.record.say(`${this.who} inform ${head.status}`)
  }
  onHead(head: { readonly status: number; readonly headers: Headers }): void {
    this.record.say(`${this.who} head ${head.status} ${head.headers.toText()}`)
  }
  onSwitch(): undefined {
    this.record.say(`${this.who} switch`)
  }
  onData(chunk: Buffer): boolean {
    this.record.data(this.who, chunk.toString('latin1'))
    return true
  }
  onEnd(trailers: Headers | undefined): void {
    this.record.say(`${this.who} end ${trailers?.toText() ?? ''}`)
  }
  onFailure(kind: string, detail: string, bytesSeen: boolean): void {
    this.record.say(`${this.who} failed: ${kind} ${detail} ${bytesSeen}`)
  }
  onDrain(): void {}
}

async function asClient(pieces: readonly Buffer[]): Promise<{ lines: string[]; frames: string[]; ended: boolean }> {
  const record = new Record()
  const socket = new FakeSocket({ allowHalfOpen: true })
  const owner = {
    streamEnded: () => {},
    streamsRefused: () => {},
    closed: () => {},
    broken: (error: unknown) => {
      throw error
    },
  }
  const client = new H2ClientSession(socket.asSocket, owner, new Turn(() => 1_000))
  for (const id of [1, 3, 5]) client.open().send(GET, new Asker(`stream ${id}`, record))
  await settled()
  socket.sent = socket.sent.slice(PREFACE.length)
  await fed(socket, pieces)
  const outcome = { lines: record.lines, frames: said(socket.sent), ended: socket.finished || socket.destroyed }
  socket.destroy()
  await settled()
  return outcome
}

// ---- streams of frames, mostly right

const id = fc.constantFrom(1, 3, 5, 7, 9)
const name = fc.constantFrom('accept', 'x-a', 'cookie', 'te', 'X-B', 'content-length', 'connection', 'x\n')
const value = fc.oneof(fc.constantFrom('1', '5', 'trailers', ''), fc.string({ unit: 'binary-ascii', maxLength: 20 }))
const bytes = fc.oneof(
  fc.string({ maxLength: 40 }),
  fc.nat(20_000).map(length => 'b'.repeat(length)),
)
const flags = fc.constantFrom(0, END_STREAM)
const path = fc.constantFrom('/', '/a', '/b?c', '/d', '*')

/** A block as HEADERS alone, padded, with priority, cut into CONTINUATIONs, or left open. */
const HOW = ['plain', 'padded', 'priority', 'cut'] as const
function framed(on: number, pairs: readonly Pair[], end: number, how: (typeof HOW)[number] | 'open'): Buffer {
  const whole = block(pairs)
  switch (how) {
    case 'padded':
      return headers(on, Buffer.concat([Buffer.from([3]), whole, Buffer.alloc(3)]), END_HEADERS | PADDED | end)
    case 'priority':
      return headers(on, Buffer.concat([uint32(0), Buffer.from([7]), whole]), END_HEADERS | PRIORITIZED | end)
    case 'cut': {
      const cut = whole.length >> 1
      return Buffer.concat([
        headers(on, whole.subarray(0, cut), end),
        continuation(on, whole.subarray(cut), END_HEADERS),
      ])
    }
    case 'open':
      return headers(on, whole, end)
    case 'plain':
      return headers(on, whole, END_HEADERS | end)
  }
}

/** What one stream sends, in order: a head, a body in pieces, perhaps trailers; or a head alone. */
interface Script {
  readonly first: readonly Pair[]
  readonly how: (typeof HOW)[number]
  readonly pieces: readonly string[]
  readonly trailers: readonly Pair[] | undefined
}
const script = (first: fc.Arbitrary<Pair[]>): fc.Arbitrary<Script> =>
  fc.record({
    first,
    how: fc.constantFrom(...HOW),
    pieces: fc.array(bytes, { maxLength: 4 }),
    trailers: fc.option(fc.constantFrom<Pair[]>([['x-t', '1']], []), { nil: undefined }),
  })

function framesOf({ first, how, pieces, trailers }: Script, on: number): Buffer[] {
  if (pieces.length === 0 && trailers === undefined) return [framed(on, first, END_STREAM, how)]
  const body = pieces.map((text, nth) => {
    const last = trailers === undefined && nth === pieces.length - 1
    return data(on, text.slice(0, 16_384), last ? END_STREAM : 0)
  })
  const end = trailers === undefined ? [] : [framed(on, trailers, END_STREAM, how)]
  return [framed(on, first, 0, how), ...body, ...end]
}

/** Streams that begin one after the other and then go on by turns, with frames in between that are anything. */
function conversation(
  scripts: readonly Script[],
  turns: readonly number[],
  between: readonly (readonly [number, Buffer])[],
): Buffer {
  const unopened = scripts.map((each, i) => framesOf(each, 1 + i * 2))
  const opened: Buffer[][] = []
  const out: Buffer[] = []
  for (let turn = 0; unopened.length > 0 || opened.length > 0; turn++) {
    const choice = (turns[turn % Math.max(1, turns.length)] ?? 0) % (opened.length + (unopened.length > 0 ? 1 : 0))
    if (choice === opened.length) opened.push(unopened.shift()!)
    out.push(opened[choice]!.shift()!)
    if (opened[choice]!.length === 0) opened.splice(choice, 1)
  }
  for (const [at, extra] of between) out.splice(at % (out.length + 1), 0, extra)
  return Buffer.concat(out)
}

const valid: fc.Arbitrary<Pair[]> = fc.array(
  fc.tuple(fc.constantFrom('accept', 'x-a', 'cookie'), fc.constantFrom('1', 'a=b', 'v'.repeat(300))),
  { maxLength: 3 },
)
const wrong: fc.Arbitrary<Pair[]> = fc.array(fc.tuple(name, value), { maxLength: 3 })
const some = fc.oneof({ weight: 5, arbitrary: valid }, { weight: 1, arbitrary: wrong })
const aRequest = fc
  .tuple(fc.constantFrom('GET', 'POST'), path, some)
  .map(([method, target, more]) => request(method, target, ...more))
const anAnswer = fc
  .tuple(fc.constantFrom('200', '200', '404', '204', '100', 'x'), some)
  .map(([status, more]): Pair[] => [[':status', status], ...more])

const harmless = fc.constantFrom(
  ...[
    ping(),
    settings(),
    settings([4, 100]),
    settings([1, 0]),
    settings([4, 70_000]),
    frame(0xee, 1, 1),
    windowUpdate(0, 1_000),
  ],
  ...[priority(1, 11), settingsAck(), ping(1), goaway(7, 0)],
)
const anything = fc.oneof(
  fc.tuple(id, bytes, flags).map(([on, text, end]) => data(on, text.slice(0, 16_384), end)),
  fc.tuple(id, bytes).map(([on, text]) => {
    return frame(
      TYPE.DATA,
      PADDED,
      on,
      Buffer.concat([Buffer.from([2]), Buffer.from(text.slice(0, 16_000)), Buffer.alloc(2)]),
    )
  }),
  fc
    .tuple(id, wrong, flags, fc.constantFrom(...HOW, 'open' as const))
    .map(([on, pairs, end, how]) => framed(on, pairs, end, how)),
  fc.tuple(id, fc.constantFrom(0, 1, 1_000, 0x7fff_ffff)).map(([on, more]) => windowUpdate(on, more)),
  fc.tuple(id, fc.nat(14)).map(([on, code]) => reset(on, code)),
  fc.constantFrom(
    goaway(0, 0),
    data(2, 'x'),
    headers(4, block(request('GET', '/'))),
    frame(TYPE.PING, 0, 0, Buffer.alloc(3)),
  ),
  fc.uint8Array({ maxLength: 30 }).map(junk => Buffer.from(junk)),
)
const between = fc.array(
  fc.tuple(fc.nat(40), fc.oneof({ weight: 2, arbitrary: harmless }, { weight: 1, arbitrary: anything })),
  { maxLength: 3 },
)
const talk = (first: fc.Arbitrary<Pair[]>) =>
  fc
    .tuple(fc.array(script(first), { minLength: 1, maxLength: 4 }), fc.array(fc.nat(5), { maxLength: 20 }), between)
    .map(([scripts, turns, extra]) => conversation(scripts, turns, extra))
const cuts = fc.array(fc.nat(4_000), { maxLength: 30 })

/** One buffer, cut at offsets that are counted on from each other; `small` bytes each at the front, where the preface and SETTINGS are. */
function cutAt(whole: Buffer, steps: readonly number[], small: number): Buffer[] {
  const pieces: Buffer[] = []
  let at = 0
  for (; small > 0 && at < Math.min(60, whole.length); at += small) pieces.push(whole.subarray(at, at + small))
  for (const step of steps) {
    const to = Math.min(whole.length, at + step + 1)
    if (to > at) pieces.push(whole.subarray(at, to))
    at = Math.max(at, to)
  }
  if (at < whole.length) pieces.push(whole.subarray(at))
  return pieces
}

test('[H2-8] [H2-9] a server makes the same of a stream of frames however it is cut', async () => {
  await fc.assert(
    fc.asyncProperty(talk(aRequest), cuts, fc.nat(3), async (frames, steps, small) => {
      const whole = Buffer.concat([PREFACE, settings(), frames])
      expect(await asServer(cutAt(whole, steps, small))).toEqual(await asServer([whole]))
    }),
    { numRuns: 500 },
  )
})

test('a client does, too', async () => {
  await fc.assert(
    fc.asyncProperty(talk(anAnswer), cuts, fc.nat(3), async (frames, steps, small) => {
      const whole = Buffer.concat([settings(), frames])
      expect(await asClient(cutAt(whole, steps, small))).toEqual(await asClient([whole]))
    }),
    { numRuns: 500 },
  )
})

test('bytes one by one: a request with a body in frames of every kind is served as if it had come whole', async () => {
  const whole = Buffer.concat([
    PREFACE,
    settings([4, 1_000]),
    headers(
      1,
      Buffer.concat([Buffer.from([1]), uint32(0), Buffer.from([7]), block(request('POST', '/one')), Buffer.alloc(1)]),
      PADDED | PRIORITIZED | END_HEADERS,
    ),
    ping(),
    data(1, 'some'),
    frame(TYPE.DATA, PADDED, 1, Buffer.from([2, 97, 0, 0])),
    headers(1, block([['x-t', '1']]).subarray(0, 3), END_STREAM),
    continuation(1, Buffer.alloc(0)),
    continuation(1, block([['x-t', '1']]).subarray(3), END_HEADERS),
  ])
  const { lines, frames, ended } = await asServer(Array.from(whole, byte => Buffer.from([byte])))
  expect(lines).toEqual(['POST /one host: app\r\n', 'POST /one: somea', 'end of POST /one x-t: 1\r\n'])
  expect(ended).toBe(false)
  expect({ lines, frames, ended }).toEqual(await asServer([whole]))
})
