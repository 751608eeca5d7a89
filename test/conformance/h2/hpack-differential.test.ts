import { once } from 'node:events'
import {
  type ClientHttp2Session,
  connect,
  createServer as createHttp2Server,
  type Http2Server,
  type ServerHttp2Stream,
} from 'node:http2'
import { type AddressInfo, connect as connectTcp, createServer, type Server } from 'node:net'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { HpackEncoder } from '../../../sidecar/codec/h2/mod.ts'
import { RawPeer } from './raw-peer.ts'
import { END_HEADERS, END_STREAM, headers, type Pair, SETTING } from './wire.ts'

// The HPACK of node:http2 is nghttp2's, which shares nothing with ours. What either writes, the other must read, over many requests of one
// connection, so that the tables of both are in use.

const token = fc.string({ unit: fc.constantFrom(...'abcdefghij-0123456789'), minLength: 1, maxLength: 12 })
const name = fc.oneof(
  fc.constantFrom(
    'accept',
    'user-agent',
    'cookie',
    'authorization',
    'etag',
    'cache-control',
    'x-request-id',
    'x-a',
    'x-b',
  ),
  token.map(text => `x-${text}`),
)
/** Visible characters and those above ASCII; no space at either end, which either side may take off. */
const value = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.constantFrom('1', 'gzip, deflate', 'no-cache', 'a=1; b=2', 'v'.repeat(130), 'w'.repeat(900)),
  },
  {
    weight: 2,
    arbitrary: fc
      .string({
        unit: fc
          .integer({ min: 0x20, max: 0xff })
          .filter(c => c !== 0x7f)
          .map(c => String.fromCharCode(c)),
        maxLength: 60,
      })
      .map(text => text.trim()),
  },
)
/** Names once each: node:http2 joins or drops several of one name, each name in its own way. */
const head = fc.uniqueArray(fc.tuple(name, value), { maxLength: 12, selector: ([each]) => each })
const conversation = fc.array(fc.tuple(head, fc.integer({ min: 1, max: 4 })), { minLength: 1, maxLength: 6 })
const tableBytes = fc.constantFrom(0, 64, 200, 4096, 16_384)

const sorted = (fields: readonly Pair[]): Pair[] => [...fields].sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0))
/** Values travel as bytes; node:http2 gives and takes them as latin1. */
const own = (fields: Iterable<Pair>): Pair[] => sorted([...fields].filter(([each]) => !each.startsWith(':')))
const RUNS = { numRuns: 40 }

describe('[H2-9] what node:http2 writes is read', () => {
  let server: Server
  let accepted: Promise<RawPeer>
  let accept: (peer: RawPeer) => void
  let theirTable = 4096

  beforeAll(async () => {
    server = createServer(socket => {
      const wish = { settings: [[SETTING.HEADER_TABLE_SIZE, theirTable]] as const }
      accept(RawPeer.server(socket, wish))
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
  })
  afterAll(() => new Promise(resolve => server.close(resolve)))

  test('requests of a client, with tables of any size', async () => {
    await fc.assert(
      fc.asyncProperty(conversation, tableBytes, async (heads, bytes) => {
        theirTable = bytes
        accepted = new Promise(resolve => {
          accept = resolve
        })
        const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
        session.on('error', () => undefined)
        const peer = await accepted
        peer.decoder.allowTable(Math.max(bytes, 4096))
        await once(session, 'remoteSettings')
        try {
          let stream = 1
          for (const [fields, times] of heads) {
            for (let i = 0; i < times; i++, stream += 2) await asked(session, peer, stream, fields)
          }
        } finally {
          session.destroy()
          peer.destroy()
        }
      }),
      RUNS,
    )
  })

  async function asked(session: ClientHttp2Session, peer: RawPeer, id: number, fields: readonly Pair[]): Promise<void> {
    const sent = session.request({ ':path': `/${id % 5}`, ...Object.fromEntries(fields) }, { endStream: true })
    sent.on('error', () => undefined)
    const [got] = await peer.when(() => (peer.seen(id).heads.length > 0 ? peer.seen(id).heads : undefined))
    expect(own(got!)).toEqual(own(fields))
    expect(new Map(got).get(':path')).toBe(`/${id % 5}`)
  }
})

describe('[H2-9] what we write, node:http2 reads', () => {
  let server: Http2Server
  let heard: Pair[][] = []
  let theirTable = 4096

  beforeAll(async () => {
    server = createHttp2Server()
    server.on('session', session => {
      session.settings({ headerTableSize: theirTable })
      session.on('error', () => undefined)
    })
    server.on('stream', (stream: ServerHttp2Stream, _, __, raw: string[]) => {
      heard.push(Array.from({ length: raw.length / 2 }, (_, i): Pair => [raw[i * 2]!, raw[i * 2 + 1]!]))
      stream.respond({ ':status': 204 }, { endStream: true })
      stream.on('error', () => undefined)
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
  })
  afterAll(() => new Promise(resolve => server.close(resolve)))

  test('requests, with tables of any size', async () => {
    await fc.assert(
      fc.asyncProperty(conversation, tableBytes, tableBytes, async (heads, ours, theirs) => {
        theirTable = theirs
        heard = []
        const socket = connectTcp((server.address() as AddressInfo).port, '127.0.0.1')
        const peer = RawPeer.client(socket)
        const encoder = new HpackEncoder(ours)
        // Its first SETTINGS are the default ones; the second has what the test asks for.
        await peer.when(() => peer.frames.filter(({ type }) => type === 4).length >= 2 || undefined, 'both SETTINGS')
        encoder.setPeerTableSize(theirs)
        try {
          const all = heads.flatMap(([fields, times]) => Array.from({ length: times }, () => fields))
          for (const [i, fields] of all.entries()) {
            const id = 1 + i * 2
            const pseudo: Pair[] = [
              [':method', 'GET'],
              [':scheme', 'http'],
              [':path', `/${i % 3}`],
              [':authority', 'a'],
            ]
            peer.send(headers(id, encoded(encoder, [...pseudo, ...fields]), END_HEADERS | END_STREAM))
            await peer.answer(id)
            expect(own(heard[i]!)).toEqual(own(fields))
          }
        } finally {
          peer.destroy()
        }
      }),
      RUNS,
    )
  })
})

function encoded(encoder: HpackEncoder, fields: readonly Pair[]): Buffer {
  const into = Buffer.alloc(64 * 1024)
  let at = encoder.begin(into, 0)
  for (const [each, text] of fields) at = encoder.field(into, at, each, text)
  return into.subarray(0, at)
}
