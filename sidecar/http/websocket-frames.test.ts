import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { closeFrame, WebSocketFrames } from './websocket-frames.ts'

/** A frame as RFC 6455, 5.2 draws it. */
function frame(payloadBytes: number, masked: boolean, opcode = 2): Buffer {
  const mask = masked ? 0x80 : 0
  const head =
    payloadBytes < 126
      ? Buffer.from([0x80 | opcode, mask | payloadBytes])
      : payloadBytes < 65_536
        ? Buffer.from([0x80 | opcode, mask | 126, payloadBytes >> 8, payloadBytes & 0xff])
        : Buffer.from([
            0x80 | opcode,
            mask | 127,
            0,
            0,
            0,
            0,
            0,
            payloadBytes >> 16,
            (payloadBytes >> 8) & 0xff,
            payloadBytes & 0xff,
          ])
  return Buffer.concat([head, Buffer.alloc(masked ? 4 : 0, 0x88), Buffer.alloc(payloadBytes, 0x88)])
}

describe('the frames of a WebSocket', () => {
  test('are told apart however they are cut, whatever their length and mask', () => {
    const size = fc.oneof(fc.integer({ min: 0, max: 130 }), fc.constantFrom(65_535, 65_536, 70_000))
    fc.assert(
      fc.property(
        fc.array(fc.tuple(size, fc.boolean()), { maxLength: 4 }),
        fc.array(fc.nat(), { maxLength: 6 }),
        (sizes, cuts) => {
          const all = sizes.map(([bytes, masked]) => frame(bytes, masked))
          const bytes = Buffer.concat(all)
          const ends = new Set([0])
          for (let at = 0, i = 0; i < all.length; i++) {
            at += all[i]!.length
            ends.add(at)
          }
          const places = [...new Set([...cuts.map(cut => cut % (bytes.length + 1)), bytes.length])].sort(
            (a, b) => a - b,
          )
          const frames = new WebSocketFrames()
          let from = 0
          for (const place of places) {
            frames.pass(bytes.subarray(from, place))
            from = place
            expect(frames.between).toBe(ends.has(place))
          }
          expect(frames.closed).toBe(false)
        },
      ),
      { numRuns: 200 },
    )
  })

  test('know when a Close has passed', () => {
    const frames = new WebSocketFrames()
    frames.pass(frame(3, true, 1))
    expect(frames.closed).toBe(false)
    frames.pass(closeFrame('client'))
    expect(frames).toMatchObject({ closed: true, between: true })
  })
})

test('a Close says 1001 and why, masked where a client sends it', () => {
  const [server, client] = [closeFrame('server'), closeFrame('client')]
  expect([...server.subarray(0, 4)]).toEqual([0x88, 22, 0x03, 0xe9])
  expect(server.subarray(4).toString()).toBe('selvedge: going away')
  expect([...client.subarray(0, 8)]).toEqual([0x88, 0x80 | 22, 0, 0, 0, 0, 0x03, 0xe9])
  for (const each of [server, client]) {
    const frames = new WebSocketFrames()
    frames.pass(each)
    expect(frames.between).toBe(true)
  }
})
