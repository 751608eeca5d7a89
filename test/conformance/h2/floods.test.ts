import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { until } from '../../in-process/mesh.ts'
import {
  beforehand,
  counter,
  DOORS,
  type DoorName,
  expectAlive,
  expectGoaway,
  expectInOrder,
  expectServed,
  type H2Edge,
  startH2Edge,
} from './kit.ts'
import { settledBytes } from './memory.ts'
import type { RawPeer } from './raw-peer.ts'
import {
  ACK,
  block,
  CODE,
  continuation,
  data,
  END_HEADERS,
  END_STREAM,
  frame,
  headers,
  type Pair,
  ping,
  priority,
  request,
  reset,
  SETTING,
  settings,
  settingsAck,
  string,
  TYPE,
  times,
  windowUpdate,
} from './wire.ts'

// CHECKLIST, H2: peers that make much work for little. Each is told to calm down, costs no memory, and disturbs nobody else.

const MEBIBYTE = 1024 * 1024
/** What a flood may leave behind, in the sidecars and in the test itself together. */
const MEMORY_MAX = 20 * MEBIBYTE
/** Requests of a flood that may be begun: a burst, and what a second or two allow. The flood has thousands. */
const STARTED_MAX = 900

let edge: H2Edge
beforeAll(async () => {
  edge = await startH2Edge()
  for (const door of DOORS) await expectAlive(edge, door)
})
afterAll(() => edge.close())
afterEach(() => edge.upstream.reset())

/** The application takes what belongs to a flood, and doesn't answer it. */
function silence(): void {
  const { answer } = edge.upstream
  edge.upstream.answer = (heard, reply) => {
    if (!heard.head.includes('/flood')) answer(heard, reply)
  }
}

/** Nothing of a flood is held any more, in the sidecars and in the test itself together. */
async function expectFlat(bytes: number): Promise<void> {
  await until(() => settledBytes() - bytes < MEMORY_MAX)
}

/** Sends the same piece until the connection ends, `bytesMax` at most. Returns how many bytes were taken. */
async function flood(peer: RawPeer, piece: Buffer, bytesMax: number): Promise<number> {
  let sent = 0
  while (peer.closed === 'no' && peer.goaways.length === 0 && sent < bytesMax) {
    const taken = peer.socket.write(piece)
    sent += piece.length
    if (!taken) {
      await new Promise<void>(resolve => {
        peer.socket.once('drain', resolve)
        peer.socket.once('close', () => resolve())
      })
    }
    // The sidecar is in this process: it needs its turns.
    await new Promise(resolve => setImmediate(resolve))
  }
  return sent
}

/** The flood ends with ENHANCE_YOUR_CALM, is counted and logged, leaves no memory behind, and others are served meanwhile and afterwards. */
async function expectCalmed(
  door: DoorName,
  piece: Buffer,
  first: (peer: RawPeer) => Promise<void> | void = () => undefined,
  bytesMax = 16 * MEBIBYTE,
) {
  const { refused } = await beforehand(edge, door)
  const other = await edge.open(door)
  await expectServed(other, 1)
  const bytes = settledBytes()
  const peer = await edge.open(door)
  await first(peer)
  const sent = await flood(peer, piece, bytesMax)
  expect(sent).toBeLessThan(bytesMax)
  await expectGoaway(peer, CODE.ENHANCE_YOUR_CALM)
  await expectFlat(bytes)
  await until(
    async () => (await counter(edge.doors[door].sidecar, 'selvedge_refusals_total{cause="bad-request"}')) > refused,
  )
  expect(edge.doors[door].sidecar.log().some(({ why }) => /flood|too large|unpacks/.test(String(why)))).toBe(true)
  await expectServed(other, 3)
  other.destroy()
  await expectAlive(edge, door)
}

const GET = block(request('GET', '/flood'))
const POST = block(request('POST', '/flood'))
const WHOLE = END_HEADERS | END_STREAM
const ids = (count: number): number[] => Array.from({ length: count }, (_, i) => 1 + i * 2)

describe.each(DOORS)('at the door for %ss', door => {
  describe('[H2-5] a flood of', () => {
    test.each([
      ['SETTINGS', times(1000, settings())],
      [
        'SETTINGS that change something',
        times(
          500,
          Buffer.concat([settings([SETTING.HEADER_TABLE_SIZE, 0]), settings([SETTING.HEADER_TABLE_SIZE, 4096])]),
        ),
      ],
      ['acknowledgements of SETTINGS', times(1000, settingsAck())],
      ['PING', times(1000, ping())],
      ['answers to PING', times(1000, ping(ACK))],
      ['PRIORITY', times(1000, priority(1, 3))],
      ['frames of an unknown type', times(1000, frame(0xee, 0, 0))],
      ['WINDOW_UPDATE', times(1000, windowUpdate(0, 1))],
    ])('%s', async (_, piece) => {
      await expectCalmed(door, piece)
    })

    test('empty DATA', async () => {
      silence()
      await expectCalmed(door, times(1000, data(1, '')), peer => peer.send(headers(1, POST, END_HEADERS)))
    })

    test('empty DATA, padded', async () => {
      silence()
      const piece = times(1000, frame(TYPE.DATA, 0x8, 1, Buffer.from([0])))
      await expectCalmed(door, piece, peer => peer.send(headers(1, POST, END_HEADERS)))
    })

    test('RST_STREAM on a stream that is over', async () => {
      await expectCalmed(door, times(1000, reset(1, CODE.CANCEL)), peer => expectServed(peer, 1))
    })

    test.each([
      ['PING', times(1000, ping())],
      ['SETTINGS', times(1000, settings())],
    ])('%s whose answers nobody reads', async (_, piece) => {
      const bytes = settledBytes()
      const peer = await edge.open(door)
      peer.socket.pause()
      await Promise.race([flood(peer, piece, 8 * MEBIBYTE), new Promise(resolve => setTimeout(resolve, 1_000))])
      await expectFlat(bytes)
      peer.socket.resume()
      await expectGoaway(peer, CODE.ENHANCE_YOUR_CALM)
      await expectAlive(edge, door)
    })
  })

  describe('[H2-3] a flood of CONTINUATION', () => {
    test.each([
      ['full ones', times(8, continuation(1, Buffer.alloc(16_384)))],
      ['of one byte', times(1000, continuation(1, Buffer.from([0])))],
      ['empty ones', times(1000, continuation(1, Buffer.alloc(0)))],
      ['with valid fields', times(8, continuation(1, block([['x-a', 'v'.repeat(16_000)]])))],
    ])('%s', async (_, piece) => {
      await expectCalmed(door, piece, peer => peer.send(headers(1, GET, END_STREAM)), 2 * MEBIBYTE)
      expect(edge.upstream.of('/flood')).toEqual([])
    })
  })

  describe('[H2-1] requests that are reset at once (CVE-2023-44487)', () => {
    test('end the connection; of thousands, few are begun, and those are ended upstream too', async () => {
      silence()
      const pairs = ids(10_000).map(id => Buffer.concat([headers(id, GET, WHOLE), reset(id, CODE.CANCEL)]))
      const bytes = settledBytes()
      const peer = await edge.open(door)
      for (let i = 0; i < pairs.length && peer.goaways.length === 0; i += 100) {
        peer.send(...pairs.slice(i, i + 100))
        await new Promise(resolve => setImmediate(resolve))
      }
      await expectGoaway(peer, CODE.ENHANCE_YOUR_CALM)
      expect(edge.upstream.of('/flood').length).toBeLessThan(STARTED_MAX)
      await until(() => edge.upstream.of('/flood').every(({ broken }) => broken))
      await expectFlat(bytes)
      await expectAlive(edge, door)
      await expectInOrder(edge)
    })

    test('so do those that are reset a turn later, and have gone upstream', async () => {
      silence()
      const peer = await edge.open(door)
      for (const id of ids(10_000)) {
        if (peer.goaways.length > 0) break
        peer.send(headers(id, GET, WHOLE))
        await new Promise(resolve => setTimeout(resolve, 1))
        peer.send(reset(id, CODE.CANCEL))
      }
      await expectGoaway(peer, CODE.ENHANCE_YOUR_CALM)
      expect(edge.upstream.of('/flood').length).toBeLessThan(STARTED_MAX)
      await until(() => edge.upstream.of('/flood').every(({ broken }) => broken))
      await expectAlive(edge, door)
      await expectInOrder(edge)
    })

    test('more at once than we allow are refused, to be tried elsewhere; those that are allowed are served', async () => {
      const peer = await edge.open(door)
      const said = peer.frames.find(({ type, flags }) => type === TYPE.SETTINGS && flags === 0)!.payload
      const most = settingOf(said, SETTING.MAX_CONCURRENT_STREAMS)!
      expect(most).toBeLessThanOrEqual(1000)
      let begun = 0
      let release: () => void = () => undefined
      const released = new Promise<void>(resolve => {
        release = resolve
      })
      edge.upstream.answer = (_, reply) => {
        begun++
        released.then(() => reply.send(200, [], 'ok'))
      }
      const all = ids(most + 100)
      peer.send(...all.map(id => headers(id, GET, WHOLE)))
      await peer.sync()
      const refused = all.filter(id => peer.seen(id).reset === CODE.REFUSED_STREAM)
      expect(refused).toEqual(all.slice(most))
      await until(() => begun === most)
      release()
      await peer.when(() => (all.slice(0, most).every(id => peer.seen(id).ended) ? true : undefined), 'all answers')
      expect(begun).toBe(most)
      expect(all.slice(0, most).map(id => peer.headOf(id)?.get(':status'))).toEqual(Array(most).fill('200'))
      peer.destroy()
    })
  })

  describe('[H2-2] streams that we are made to reset (CVE-2025-8671)', () => {
    const bad: readonly [title: string, trigger: (id: number) => Buffer][] = [
      ['WINDOW_UPDATE of nothing', id => Buffer.concat([headers(id, GET, WHOLE), windowUpdate(id, 0)])],
      ['WINDOW_UPDATE of too much', id => Buffer.concat([headers(id, GET, WHOLE), windowUpdate(id, 0x7fff_ffff)])],
      ['DATA behind the end', id => Buffer.concat([headers(id, GET, WHOLE), data(id, 'x')])],
      [
        'HEADERS behind the end',
        id => Buffer.concat([headers(id, GET, WHOLE), headers(id, block([['x', '1']]), WHOLE)]),
      ],
      [
        'trailers that don’t end',
        id => Buffer.concat([headers(id, POST, END_HEADERS), headers(id, block([['x', '1']]), END_HEADERS)]),
      ],
      [
        'PRIORITY of 4 bytes',
        id => Buffer.concat([headers(id, GET, WHOLE), frame(TYPE.PRIORITY, 0, id, Buffer.alloc(4))]),
      ],
      ['PRIORITY on itself', id => Buffer.concat([headers(id, GET, WHOLE), priority(id, id)])],
      [
        'more DATA than content-length',
        id =>
          Buffer.concat([
            headers(id, block(request('POST', '/flood', ['content-length', '1'])), END_HEADERS),
            data(id, 'xx'),
          ]),
      ],
      ['malformed heads', id => headers(id, block([...request('GET', '/flood'), ['X', '1']]), WHOLE)],
      [
        'heads that are too large',
        id =>
          Buffer.concat([
            headers(id, Buffer.alloc(0), END_STREAM),
            ...Array.from({ length: 4 }, () => continuation(id, block([['x', 'v'.repeat(16_300)]]))),
            continuation(id, block([['x', 'v'.repeat(4_000)]]), END_HEADERS),
          ]),
      ],
    ]

    test.each(bad)(
      '%s: the connection ends, few are begun, and what was begun is cancelled',
      async (title, trigger) => {
        silence()
        const count = title.includes('large') ? 2_000 : 10_000
        const bytes = settledBytes()
        const peer = await edge.open(door)
        const all = ids(count)
        for (let i = 0; i < all.length && peer.goaways.length === 0 && peer.closed === 'no'; i += 50) {
          peer.send(...all.slice(i, i + 50).map(trigger))
          await new Promise(resolve => setImmediate(resolve))
        }
        await expectGoaway(peer, CODE.ENHANCE_YOUR_CALM)
        expect(edge.upstream.of('/flood').length).toBeLessThan(STARTED_MAX)
        await until(() => edge.upstream.of('/flood').every(({ broken }) => broken))
        await expectFlat(bytes)
        await expectAlive(edge, door)
        await expectInOrder(edge)
      },
    )
  })

  describe('[H2-4] the limit on heads counts decoded bytes', () => {
    /** A field that enters the table, of 4,000 bytes; then it is 0xbe. */
    const large = (name: string) => Buffer.concat([Buffer.from([0x40]), string(name), string('v'.repeat(4_000))])
    const requestOf = (path: string, count: number, name = 'x') =>
      Buffer.concat([block(request('GET', path)), large(name), Buffer.alloc(count, 0xbe)])

    test('[H2-4] a few bytes that stand for too much: 431, and nothing goes upstream', async () => {
      const peer = await edge.open(door)
      peer.send(headers(1, requestOf('/never', 20), WHOLE))
      const { head } = await peer.answer(1)
      expect([head.get(':status'), head.get('x-selvedge-cause')]).toEqual(['431', 'bad-request'])
      // The table is as the peer believes it to be.
      peer.send(headers(3, Buffer.concat([block(request('GET', '/fits')), Buffer.from([0xbe])]), WHOLE))
      expect((await peer.answer(3)).body).toBe('ok')
      expect(edge.upstream.of('/fits')[0]!.head).toContain(`x: ${'v'.repeat(4_000)}\r\n`)
      expect(edge.upstream.of('/never')).toEqual([])
      peer.destroy()
    })

    test('[H2-4] cookie crumbs count each', async () => {
      const peer = await edge.open(door)
      peer.send(headers(1, requestOf('/never', 20, 'cookie'), WHOLE))
      expect((await peer.answer(1)).head.get(':status')).toBe('431')
      peer.send(headers(3, Buffer.concat([block(request('GET', '/crumbs')), Buffer.alloc(10, 0xbe)]), WHOLE))
      expect((await peer.answer(3)).body).toBe('ok')
      expect(/cookie: (.*)\r\n/.exec(edge.upstream.of('/crumbs')[0]!.head)![1]).toHaveLength(10 * 4_000 + 9 * 2)
      expect(edge.upstream.of('/never')).toEqual([])
      peer.destroy()
    })

    test('[H2-4] many small crumbs count what the table counts for each', async () => {
      const crumb: Pair = ['cookie', 'a=1']
      const peer = await edge.open(door)
      const small = Buffer.concat([Buffer.from([0x40]), string(crumb[0]), string(crumb[1])])
      peer.send(headers(1, Buffer.concat([block(request('GET', '/never')), small, Buffer.alloc(3_000, 0xbe)]), WHOLE))
      await peer.when(() => peer.seen(1).reset ?? (peer.seen(1).ended ? true : undefined), 'an end')
      expect(edge.upstream.of('/never')).toEqual([])
      await expectServed(peer, 3)
      peer.destroy()
    })

    test('[H2-4] a bomb ends the connection, and costs no memory', async () => {
      await expectCalmed(door, headers(1, Buffer.concat([large('x'), Buffer.alloc(12_000, 0xbe)]), WHOLE))
    })

    test('[H2-4] many of them, on connections of their own', async () => {
      const bytes = settledBytes()
      for (let i = 0; i < 40; i++) {
        const peer = await edge.open(door)
        peer.send(headers(1, Buffer.concat([large('x'), Buffer.alloc(12_000, 0xbe)]), WHOLE))
        await expectGoaway(peer, CODE.ENHANCE_YOUR_CALM)
      }
      await expectFlat(bytes)
      await expectAlive(edge, door)
    })
  })
})

function settingOf(payload: Buffer, id: number): number | undefined {
  for (let at = 0; at < payload.length; at += 6)
    if (payload.readUInt16BE(at) === id) return payload.readUInt32BE(at + 2)
  return undefined
}

test('[H2-1] [H2-2] [H2-3] [H2-4] [H2-5] nothing broke, and nothing is left under way', () => expectInOrder(edge))
