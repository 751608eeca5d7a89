import { describe, expect, test } from 'vitest'
import { PIECE_BYTES, Pieces } from './pieces.ts'

const filled = (bytes: number, value: number): Buffer => Buffer.alloc(bytes, value)

describe('what is kept', () => {
  test('is a copy, whatever its size', () => {
    for (const bytes of [1, 8 * 1024, 16 * 1024, PIECE_BYTES, PIECE_BYTES + 1]) {
      const pieces = new Pieces()
      const chunk = filled(bytes, 1)
      const kept = pieces.keep(chunk)
      chunk.fill(2)
      expect(kept.equals(filled(bytes, 1))).toBe(true)
    }
  })

  test('is taken up again once it was given back, and not before', () => {
    const pieces = new Pieces()
    const first = pieces.keep(filled(16_384, 1))
    const second = pieces.keep(filled(16_384, 2))
    expect(second.buffer).not.toBe(first.buffer)
    // A view of some of it is enough.
    pieces.giveView(first.subarray(100))
    expect(pieces.keep(filled(16_384, 3)).buffer).toBe(first.buffer)
  })
})

describe('what comes behind it', () => {
  test('shares its piece as long as there is room: four frames to one', () => {
    const pieces = new Pieces()
    let view = pieces.keep(filled(16_384, 0))
    for (let n = 1; n < 4; n++) {
      const longer = pieces.append(view, filled(16_384, n))
      expect(longer?.buffer).toBe(view.buffer)
      view = longer!
    }
    expect(view.length).toBe(4 * 16_384)
    for (let n = 0; n < 4; n++) expect(view.subarray(n * 16_384, (n + 1) * 16_384).equals(filled(16_384, n))).toBe(true)
    expect(pieces.append(view, filled(PIECE_BYTES - 4 * 16_384 + 1, 9))).toBeUndefined()
    expect(pieces.append(view, filled(PIECE_BYTES - 4 * 16_384, 9))?.length).toBe(PIECE_BYTES)
  })

  test('goes behind a view of which the front has been taken', () => {
    const pieces = new Pieces()
    const view = pieces.keep(filled(16_384, 1)).subarray(16_000)
    const longer = pieces.append(view, filled(100, 2))!
    expect(longer.subarray(0, 384).equals(filled(384, 1))).toBe(true)
    expect(longer.subarray(384).equals(filled(100, 2))).toBe(true)
  })

  test('never overwrites the neighbour of a copy that has one', () => {
    const pieces = new Pieces()
    const [first, neighbour] = [pieces.keep(filled(100, 1)), pieces.keep(filled(100, 3))]
    const longer = pieces.append(first, filled(50, 2))
    expect(longer?.equals(Buffer.concat([filled(100, 1), filled(50, 2)]))).toBe(true)
    expect(neighbour.equals(filled(100, 3))).toBe(true)
    expect(pieces.append(pieces.keep(filled(PIECE_BYTES + 1, 1)), filled(1, 2))).toBeUndefined()
  })

  test('costs little more than its bytes, however small it comes', () => {
    const pieces = new Pieces()
    const byte = (n: number): Buffer => Buffer.from([n % 251])
    const views = [pieces.keep(byte(0))]
    const rooms = new Set([views[0]!.buffer])
    for (let n = 1; n < 2 * PIECE_BYTES; n++) {
      const longer = pieces.append(views.at(-1)!, byte(n))
      if (longer === undefined) views.push(pieces.keep(byte(n)))
      else views[views.length - 1] = longer
      rooms.add(views.at(-1)!.buffer)
    }
    expect(views).toHaveLength(2)
    expect(rooms.size).toBe(8)
    expect(Buffer.concat(views).every((value, n) => value === n % 251)).toBe(true)
  })
})
