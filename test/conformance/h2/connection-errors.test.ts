import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  beforehand,
  DOORS,
  expectAlive,
  expectGoaway,
  expectInOrder,
  expectRefused,
  expectServed,
  FORBIDDEN,
  type H2Edge,
  startH2Edge,
} from './kit.ts'
import type { RawPeer } from './raw-peer.ts'
import {
  block,
  CODE,
  continuation,
  data,
  END_HEADERS,
  END_STREAM,
  frame,
  goaway,
  headers,
  PADDED,
  PRIORITIZED,
  ping,
  priority,
  request,
  reset,
  SETTING,
  settings,
  string,
  TYPE,
  uint32,
  windowUpdate,
} from './wire.ts'

// CHECKLIST, H2: what ends a connection (RFC 9113, 5.4.1), at both doors, over real sockets.

interface Fault {
  readonly title: string
  /** What is sent behind the handshake; a function when it must be sent step by step. */
  readonly bytes: Buffer | ((peer: RawPeer) => Promise<void> | void)
  readonly code: number
  readonly why: RegExp
}

const BLOCK = block(request('GET', FORBIDDEN))
const WHOLE = END_HEADERS | END_STREAM
const { PROTOCOL_ERROR, FLOW_CONTROL_ERROR, FRAME_SIZE_ERROR, COMPRESSION_ERROR, STREAM_CLOSED } = CODE

function of(title: string, code: number, why: RegExp, bytes: Fault['bytes']): Fault {
  return { title, code, why, bytes }
}

const FAULTS: Fault[] = [
  of('[H2-7] a window of the connection past 2^31-1', FLOW_CONTROL_ERROR, /window/, windowUpdate(0, 0x7fff_ffff)),
  of('[H2-7] one that gets there step by step', FLOW_CONTROL_ERROR, /window/, peer => {
    for (let i = 0; i < 3; i++) peer.send(windowUpdate(0, 0x3fff_ffff))
  }),
  of(
    '[H2-7] an initial window past 2^31-1',
    FLOW_CONTROL_ERROR,
    /window/,
    settings([SETTING.INITIAL_WINDOW_SIZE, 2 ** 31]),
  ),

  of('[H2-8] HEADERS on an even stream', PROTOCOL_ERROR, /even stream/, headers(2, BLOCK, WHOLE)),
  of('[H2-8] DATA on an idle stream', PROTOCOL_ERROR, /DATA on an idle stream/, data(1, 'x', END_STREAM)),
  of('[H2-8] DATA on an even stream', PROTOCOL_ERROR, /DATA on an idle stream/, data(2, 'x', END_STREAM)),
  of('[H2-8] DATA on stream 0', PROTOCOL_ERROR, /DATA on stream 0/, data(0, 'x', END_STREAM)),
  of('[H2-8] HEADERS on stream 0', PROTOCOL_ERROR, /HEADERS on stream 0/, headers(0, BLOCK, WHOLE)),
  of('[H2-8] WINDOW_UPDATE on an idle stream', PROTOCOL_ERROR, /idle stream/, windowUpdate(1, 1)),
  of('[H2-8] WINDOW_UPDATE of nothing on stream 0', PROTOCOL_ERROR, /WINDOW_UPDATE of nothing/, windowUpdate(0, 0)),
  of('[H2-8] RST_STREAM on an idle stream', PROTOCOL_ERROR, /idle stream/, reset(1, CODE.CANCEL)),
  of('[H2-8] RST_STREAM on stream 0', PROTOCOL_ERROR, /stream 0/, reset(0, CODE.CANCEL)),
  of('[H2-8] PRIORITY on stream 0', PROTOCOL_ERROR, /stream 0/, priority(0, 1)),
  of('[H2-8] SETTINGS on a stream', PROTOCOL_ERROR, /SETTINGS on a stream/, frame(TYPE.SETTINGS, 0, 1)),
  of('[H2-8] PING on a stream', PROTOCOL_ERROR, /PING on a stream/, frame(TYPE.PING, 0, 1, Buffer.alloc(8))),
  of('[H2-8] GOAWAY on a stream', PROTOCOL_ERROR, /GOAWAY on a stream/, frame(TYPE.GOAWAY, 0, 1, uint32(0, 0))),
  of(
    '[H2-8] PUSH_PROMISE of a client',
    PROTOCOL_ERROR,
    /push/,
    frame(TYPE.PUSH_PROMISE, END_HEADERS, 1, Buffer.concat([uint32(2), BLOCK])),
  ),
  of('[H2-8] CONTINUATION of nothing', PROTOCOL_ERROR, /CONTINUATION/, continuation(1, BLOCK, END_HEADERS)),
  of(
    '[H2-8] CONTINUATION on another stream',
    PROTOCOL_ERROR,
    /CONTINUATION/,
    Buffer.concat([headers(1, BLOCK, END_STREAM), continuation(3, Buffer.alloc(0), END_HEADERS)]),
  ),
  of(
    '[H2-8] a frame within a header block',
    PROTOCOL_ERROR,
    /within a header block/,
    Buffer.concat([headers(1, BLOCK, END_STREAM), ping()]),
  ),
  of(
    '[H2-8] a frame of an unknown type within a header block',
    PROTOCOL_ERROR,
    /within a header block/,
    Buffer.concat([headers(1, BLOCK, END_STREAM), frame(0xee, 0, 1)]),
  ),
  of('[H2-8] a stream whose number has gone by', STREAM_CLOSED, /a stream that is over/, async peer => {
    peer.request(5, request('GET', '/alive'))
    await peer.answer(5)
    peer.send(headers(3, BLOCK, WHOLE))
  }),
  of('[H2-8] HEADERS on a stream that is over', STREAM_CLOSED, /a stream that is over/, async peer => {
    peer.request(1, request('GET', '/alive'))
    await peer.answer(1)
    peer.send(headers(1, BLOCK, WHOLE))
  }),
  of('[H2-8] ENABLE_PUSH of 2', PROTOCOL_ERROR, /ENABLE_PUSH/, settings([SETTING.ENABLE_PUSH, 2])),
  of(
    '[H2-8] MAX_FRAME_SIZE below 16,384',
    PROTOCOL_ERROR,
    /MAX_FRAME_SIZE/,
    settings([SETTING.MAX_FRAME_SIZE, 16_383]),
  ),
  of(
    '[H2-8] MAX_FRAME_SIZE above 2^24-1',
    PROTOCOL_ERROR,
    /MAX_FRAME_SIZE/,
    settings([SETTING.MAX_FRAME_SIZE, 2 ** 24]),
  ),
  of(
    '[H2-8] more padding than HEADERS have',
    PROTOCOL_ERROR,
    /padding/,
    headers(1, Buffer.concat([Buffer.from([255]), BLOCK.subarray(0, 200)]), WHOLE | PADDED),
  ),
  of('[H2-8] as much padding as DATA are long', PROTOCOL_ERROR, /padding/, peer => {
    peer.send(
      headers(1, block(request('POST', '/open')), END_HEADERS),
      frame(TYPE.DATA, PADDED, 1, Buffer.from([3, 0, 0])),
    )
  }),
  of(
    '[H2-8] a stream that depends on itself',
    PROTOCOL_ERROR,
    /depends on itself/,
    headers(1, Buffer.concat([uint32(1), Buffer.from([0]), BLOCK]), WHOLE | PRIORITIZED),
  ),

  of('[H2-9] DATA of more than 16,384 bytes', FRAME_SIZE_ERROR, /frame of more than/, peer => {
    peer.send(headers(1, block(request('POST', '/open')), END_HEADERS), data(1, Buffer.alloc(16_385), END_STREAM))
  }),
  of(
    '[H2-9] HEADERS of more than 16,384 bytes',
    FRAME_SIZE_ERROR,
    /frame of more than/,
    headers(1, Buffer.concat([BLOCK, block([['x', 'v'.repeat(16_384)]])]), WHOLE),
  ),
  of(
    '[H2-9] a frame of 16 MiB, told by its header alone',
    FRAME_SIZE_ERROR,
    /frame of more than/,
    frame(TYPE.DATA, 0, 1, Buffer.alloc(0)).fill(0xff, 0, 3),
  ),
  of('[H2-9] SETTINGS of a broken length', FRAME_SIZE_ERROR, /SETTINGS/, frame(TYPE.SETTINGS, 0, 0, Buffer.alloc(5))),
  of(
    '[H2-9] an acknowledgement with a payload',
    FRAME_SIZE_ERROR,
    /acknowledgement/,
    frame(TYPE.SETTINGS, 1, 0, Buffer.alloc(6)),
  ),
  of('[H2-9] PING of 7 bytes', FRAME_SIZE_ERROR, /PING/, frame(TYPE.PING, 0, 0, Buffer.alloc(7))),
  of('[H2-9] PING of 9 bytes', FRAME_SIZE_ERROR, /PING/, frame(TYPE.PING, 0, 0, Buffer.alloc(9))),
  of(
    '[H2-9] WINDOW_UPDATE of 3 bytes',
    FRAME_SIZE_ERROR,
    /WINDOW_UPDATE/,
    frame(TYPE.WINDOW_UPDATE, 0, 0, Buffer.alloc(3)),
  ),
  of('[H2-9] RST_STREAM of 5 bytes', FRAME_SIZE_ERROR, /RST_STREAM/, peer => {
    peer.send(headers(1, block(request('POST', '/open')), END_HEADERS), frame(TYPE.RST_STREAM, 0, 1, Buffer.alloc(5)))
  }),
  of('[H2-9] GOAWAY of 7 bytes', FRAME_SIZE_ERROR, /GOAWAY/, frame(TYPE.GOAWAY, 0, 0, Buffer.alloc(7))),
  of(
    '[H2-9] HEADERS with priority, of 4 bytes',
    FRAME_SIZE_ERROR,
    /too short/,
    headers(1, Buffer.alloc(4), WHOLE | PRIORITIZED),
  ),

  ...(
    [
      ['index 0', '80'],
      ['an index that no table has', 'be'],
      ['a Huffman string with EOS', '00016184ffffffff'],
      ['Huffman padding of a whole byte', '0001618257ff'],
      ['an integer without end', 'ffffffffffff'],
      ['a string that is cut off', '000561'],
      ['a table size update behind a field', '8220'],
    ] as const
  ).map(([title, hex]) =>
    of(
      `[H2-9] HPACK: ${title}`,
      COMPRESSION_ERROR,
      /./,
      headers(1, Buffer.concat([BLOCK, Buffer.from(hex, 'hex')]), WHOLE),
    ),
  ),
  of(
    '[H2-9] HPACK: a table larger than we allow',
    COMPRESSION_ERROR,
    /size update/,
    headers(1, Buffer.concat([Buffer.from('3fe21f', 'hex'), BLOCK]), WHOLE),
  ),
  of(
    '[H2-9] HPACK: a fault in a block that is refused for other reasons',
    COMPRESSION_ERROR,
    /./,
    headers(1, Buffer.concat([block([['Upper', 'x']]), BLOCK, Buffer.from([0x80])]), WHOLE),
  ),
  of(
    '[H2-9] HPACK: a fault in CONTINUATION',
    COMPRESSION_ERROR,
    /./,
    Buffer.concat([headers(1, BLOCK, END_STREAM), continuation(1, Buffer.from([0x80]), END_HEADERS)]),
  ),
]

let edge: H2Edge
beforeAll(async () => {
  edge = await startH2Edge()
})
afterAll(() => edge.close())

describe.each(DOORS)('at the door for %ss, a connection ends at once: with', door => {
  test.each(FAULTS)('$title', async ({ bytes, code, why }) => {
    const before = await beforehand(edge, door)
    const peer = await edge.open(door)
    if (Buffer.isBuffer(bytes)) peer.send(bytes)
    else await bytes(peer)
    await expectGoaway(peer, code)
    await expectRefused(edge, door, before, why)
    await expectAlive(edge, door)
  })

  test.each([
    ['the preface of no protocol', Buffer.from('PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n')],
    ['a frame before SETTINGS', Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), ping()])],
  ])('[H2-8] %s', async (_, bytes) => {
    const before = await beforehand(edge, door)
    const peer = await edge.raw(door)
    peer.send(bytes)
    expect(await peer.ended()).toMatch(/end|reset/)
    peer.destroy()
    await expectRefused(edge, door, before, /./)
    await expectAlive(edge, door)
  })

  test('what is unknown is ignored: frames, flags, settings; a GOAWAY lets streams end', async () => {
    const peer = await edge.open(door)
    peer.send(
      frame(0xee, 0xff, 1, Buffer.from('what')),
      settings([0xeeee, 7]),
      frame(TYPE.PING, 0xfe, 0, Buffer.alloc(8)),
    )
    peer.send(
      priority(9, 1),
      frame(
        TYPE.HEADERS,
        WHOLE | PADDED | PRIORITIZED | 0xc2,
        1,
        Buffer.concat([
          Buffer.from([2]),
          uint32(3),
          Buffer.from([1]),
          block(request('GET', '/alive')),
          Buffer.alloc(2),
        ]),
      ),
    )
    const { head } = await peer.answer(1)
    expect(head.get(':status')).toBe('200')
    await expectServed(peer, 3)
    peer.send(headers(5, block(request('GET', '/alive')), WHOLE), goaway(0, CODE.NO_ERROR))
    expect((await peer.answer(5)).body).toBe('ok')
    peer.destroy()
  })

  test('a block in three CONTINUATIONs, one of them empty, is read as one', async () => {
    const peer = await edge.open(door)
    const whole = block(request('GET', '/alive'))
    peer.send(
      headers(1, whole.subarray(0, 7), END_STREAM),
      continuation(1, whole.subarray(7, 20)),
      continuation(1, Buffer.alloc(0)),
      continuation(1, whole.subarray(20), END_HEADERS),
    )
    expect((await peer.answer(1)).body).toBe('ok')
    peer.destroy()
  })

  test('our tables are as large as we said, and an index of theirs is one of ours', async () => {
    const peer = await edge.open(door)
    // The request, whose `:path` enters the table; then the same by its index.
    const path = Buffer.concat([Buffer.from([0x44]), string('/alive')])
    const rest = block([
      [':method', 'GET'],
      [':scheme', 'http'],
      [':authority', 'app'],
    ])
    peer.send(headers(1, Buffer.concat([rest, path]), WHOLE))
    expect((await peer.answer(1)).body).toBe('ok')
    peer.send(headers(3, Buffer.concat([rest, Buffer.from([0xbe])]), WHOLE))
    expect((await peer.answer(3)).body).toBe('ok')
    peer.destroy()
  })
})

test('[H2-7] [H2-8] [H2-9] nothing broke, and nothing is left under way', () => expectInOrder(edge))
