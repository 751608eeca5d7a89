import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { HeldBytes } from './held-bytes.ts'

const textOf = (held: HeldBytes): string => held.bytes.toString('latin1', held.from)

describe('held bytes', () => {
  test('are as they came, whatever is given, added and taken when', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constantFrom('give', 'append'), bytes: fc.uint8Array({ maxLength: 40 }) }),
      fc.record({ kind: fc.constant('take'), share: fc.nat(100) }),
      fc.record({ kind: fc.constant('settle') }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), steps => {
        const held = new HeldBytes()
        let model = ''
        for (const next of steps) {
          if ('bytes' in next) {
            const chunk = Buffer.from(next.bytes)
            model += chunk.toString('latin1')
            if (next.kind === 'give') {
              held.give(chunk)
              held.settle()
            } else held.append(chunk, 0)
            // The read buffer is used again.
            chunk.fill('?')
          } else if ('share' in next) {
            const taken = Math.floor((held.length * next.share) / 100)
            held.from += taken
            model = model.slice(taken)
          } else held.settle()
          expect(held.length).toBe(model.length)
          expect(textOf(held)).toBe(model)
        }
      }),
      { numRuns: 500 },
    )
  })

  test('that are read at once are not copied', () => {
    const held = new HeldBytes()
    const chunk = Buffer.from('GET / HTTP/1.1\r\n\r\n')
    held.give(chunk)
    expect(held.bytes).toBe(chunk)
    held.from = chunk.length
    held.settle()
    expect(held).toMatchObject({ length: 0, from: 0 })
  })

  test('[H1-26] are moved a bounded number of times, however many requests are taken from them and however they are cut', () => {
    let moved = 0
    const copy = Buffer.prototype.copy
    Buffer.prototype.copy = function (this: Buffer, ...args: Parameters<Buffer['copy']>) {
      const copied = copy.apply(this, args)
      moved += copied
      return copied
    }
    try {
      const held = new HeldBytes()
      const byte = Buffer.from('x')
      const bytes = 64 * 1024
      for (let n = 0; n < bytes; n++) {
        held.give(byte)
        held.settle()
      }
      for (let n = 0; n < bytes; n += 32) {
        held.from += 32
        held.settle()
      }
      expect(held.length).toBe(0)
      expect(moved).toBeLessThan(4 * bytes)
    } finally {
      Buffer.prototype.copy = copy
    }
  })
})
