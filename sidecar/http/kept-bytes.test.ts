import fc from 'fast-check'
import { expect, test } from 'vitest'
import { KeptBytes } from './mod.ts'

test('what is kept is what was added, and no piece of it is lost or changed by the next', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 40_000 }), { maxLength: 12 }), pieces => {
      const kept = new KeptBytes()
      const borrowed = Buffer.alloc(40_000)
      for (const piece of pieces) {
        borrowed.set(piece)
        kept.add(borrowed.subarray(0, piece.length))
        borrowed.fill(0xee)
      }
      const all = Buffer.concat(pieces)
      expect(kept.bytes).toBe(all.length)
      expect(Buffer.concat(kept.chunks).equals(all)).toBe(true)
    }),
    { numRuns: 200 },
  )
})

test('a body that comes byte for byte is kept in few buffers', () => {
  const kept = new KeptBytes()
  for (let n = 0; n < 262_144; n++) kept.add(Buffer.from([n % 251]))
  expect(kept.chunks.length).toBeLessThan(32)
  const held = kept.chunks.reduce((sum, { buffer }) => sum + buffer.byteLength, 0)
  expect(held).toBeLessThan(262_144 + 128 * 1024)
  expect(Buffer.concat(kept.chunks).every((value, n) => value === n % 251)).toBe(true)
})
