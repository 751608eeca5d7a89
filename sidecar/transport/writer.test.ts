import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FakeSocket, settled } from '../../test/fakes/socket.ts'
import { SocketWriter, Turn } from './mod.ts'

function writing() {
  const socket = new FakeSocket({ allowHalfOpen: true })
  const turn = new Turn(() => 0)
  const writer = new SocketWriter(socket.asSocket, turn)
  socket.on('drain', () => writer.drained())
  return { socket, turn, writer }
}

describe('a writer', () => {
  test('writes once for all of one turn, text and pieces alike, in order', async () => {
    const { socket, turn, writer } = writing()
    turn.begin()
    writer.text('HTTP/1.1 200 OK\r\n\r\n')
    writer.bytes(Buffer.from('small'))
    writer.bytes(Buffer.alloc(10_000, 'x'))
    writer.text('end')
    expect(socket.writes).toEqual([])
    turn.end()
    expect(socket.writes).toEqual([`HTTP/1.1 200 OK\r\n\r\nsmall${'x'.repeat(10_000)}end`])
    await settled()
    expect(socket.writes.length).toBe(1)
  })

  test('outside a turn writes by itself, soon', async () => {
    const { socket, writer } = writing()
    writer.text('a')
    writer.text('b')
    expect(socket.writes).toEqual([])
    await settled()
    expect(socket.writes).toEqual(['ab'])
  })

  test('writes bytes as they are, whatever they are', async () => {
    const { socket, writer } = writing()
    const every = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))
    writer.bytes(every)
    writer.bytes(Buffer.concat(Array.from({ length: 20 }, () => every)))
    await settled()
    expect(socket.sent).toBe(every.toString('latin1').repeat(21))
  })

  test('does not gather more than 64 KiB', () => {
    const { socket, turn, writer } = writing()
    turn.begin()
    writer.bytes(Buffer.alloc(60_000))
    expect(socket.writes.length).toBe(0)
    writer.bytes(Buffer.alloc(60_000))
    expect(socket.sent.length).toBe(120_000)
    writer.text('rest')
    turn.end()
    expect(socket.sent.endsWith('rest')).toBe(true)
  })

  test('says when the reader is slow, until it has drained', async () => {
    const { socket, writer } = writing()
    socket.stall()
    expect(writer.bytes(Buffer.alloc(10_000))).toBe(true)
    expect(writer.bytes(Buffer.alloc(100_000))).toBe(false)
    expect(writer.text('more')).toBe(false)
    await socket.unstall()
    expect(writer.text('more')).toBe(true)
  })

  test('throws nothing at a connection that has gone', async () => {
    const { socket, writer } = writing()
    writer.text('a')
    socket.destroy()
    writer.bytes(Buffer.alloc(100_000))
    writer.flush()
    await settled()
    expect(socket.sent).toBe('')
  })

  test('keeps the order, whatever is written and flushed when', async () => {
    const piece = fc.oneof(
      fc.string({ unit: 'binary-ascii', maxLength: 20 }),
      fc.constantFrom(4_095, 4_096, 4_097, 70_000).map(bytes => Buffer.alloc(bytes, 'y')),
      fc.constant('flush' as const).map(() => undefined),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 15 }), async pieces => {
        const { socket, writer } = writing()
        let expected = ''
        for (const each of pieces) {
          if (each === undefined) writer.flush()
          else if (typeof each === 'string') writer.text(each)
          else writer.bytes(each)
          expected += each?.toString('latin1') ?? ''
        }
        await settled()
        expect(socket.sent === expected).toBe(true)
      }),
      { numRuns: 50 },
    )
  })
})

describe('what is large', () => {
  test('leaves with what follows it from other events of the same turn of the loop, and is not kept for longer', async () => {
    const { socket, turn, writer } = writing()
    for (let i = 0; i < 3; i++) {
      turn.begin()
      writer.bytes(Buffer.alloc(10_000, 'x'))
      writer.bytes(Buffer.from('tail'))
      turn.end()
    }
    expect(socket.writes).toEqual([])
    await settled()
    expect(socket.writes).toEqual([`${'x'.repeat(10_000)}tail`.repeat(3)])
  })

  test('waits for the round though the rest of a chunk stands before it', async () => {
    const { socket, turn, writer } = writing()
    for (let i = 0; i < 3; i++) {
      turn.begin()
      writer.bytes(Buffer.from('rest'))
      writer.bytes(Buffer.alloc(10_000, 'x'))
      turn.end()
    }
    expect(socket.writes).toEqual([])
    await settled()
    expect(socket.writes).toEqual([`rest${'x'.repeat(10_000)}`.repeat(3)])
  })

  test('leaves with its event where a word has come behind it, and where it stands behind one', () => {
    const { socket, turn, writer } = writing()
    turn.begin()
    writer.bytes(Buffer.alloc(10_000, 'x'))
    writer.text('word')
    turn.end()
    expect(socket.writes.length).toBe(1)
    turn.begin()
    writer.text('word')
    writer.bytes(Buffer.alloc(10_000, 'x'))
    turn.end()
    expect(socket.writes.length).toBe(2)
  })

  test('is composed in blocks that come back when they have left, and not before, however slow its readers are', async () => {
    const step = fc.record({
      which: fc.nat(1),
      bytes: fc.constantFrom(1, 4_097, 16_384, 65_536, 100_000),
      stall: fc.constantFrom('stall', 'unstall', 'as it is'),
      wait: fc.boolean(),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 20 }), async steps => {
        const turn = new Turn(() => 0)
        const sides = [0, 1].map(() => {
          const socket = new FakeSocket({ allowHalfOpen: true })
          const writer = new SocketWriter(socket.asSocket, turn)
          socket.on('drain', () => writer.drained())
          return { socket, writer, expected: '' }
        })
        for (const [i, { which, bytes, stall, wait }] of steps.entries()) {
          const side = sides[which]!
          if (stall === 'stall') side.socket.stall()
          else if (stall === 'unstall') await side.socket.unstall()
          const chunk = Buffer.alloc(bytes, 33 + i)
          turn.begin()
          side.writer.bytes(chunk)
          turn.end()
          side.expected += chunk.toString('latin1')
          // Whoever reads into this buffer does so again.
          chunk.fill(0)
          if (wait) await settled()
        }
        for (const { socket, expected } of sides) {
          for (let i = 0; i < 20; i++) await socket.unstall()
          expect(socket.sent === expected).toBe(true)
        }
        // All have come back: what is taken now is what was given.
        expect(sides.every(({ socket }) => socket.writableLength === 0)).toBe(true)
      }),
      { numRuns: 60 },
    )
  })

  test('leaves a bounded number of blocks behind, used over and over', async () => {
    const { turn, writer } = writing()
    const blocks = new Set<Buffer>()
    const { take } = turn.pieces
    turn.pieces.take = function (this: typeof turn.pieces) {
      const block = take.call(this)
      blocks.add(block)
      return block
    }
    for (let i = 0; i < 200; i++) {
      writer.bytes(Buffer.alloc(50_000))
      await settled()
    }
    expect(blocks.size).toBeLessThanOrEqual(2)
  })
})

describe('a turn', () => {
  test('reads the clock once', () => {
    let now = 0
    const turn = new Turn(() => ++now)
    turn.begin()
    expect([turn.nowMs(), turn.nowMs()]).toEqual([1, 1])
    turn.begin()
    expect(turn.nowMs()).toBe(1)
    turn.end()
    turn.end()
    expect([turn.nowMs(), turn.nowMs()]).toEqual([2, 3])
  })

  test('inside another is part of it', () => {
    const { socket, turn, writer } = writing()
    turn.begin()
    turn.begin()
    writer.text('a')
    turn.end()
    expect(socket.writes).toEqual([])
    turn.end()
    expect(socket.writes).toEqual(['a'])
  })

  test('flushes what is written while it flushes', () => {
    const turn = new Turn(() => 0)
    const flushed: string[] = []
    turn.begin()
    const none = (): void => undefined
    turn.touch({
      flush: none,
      turnEnds: () => {
        flushed.push('first')
        turn.touch({ flush: none, turnEnds: () => void flushed.push('second') })
      },
    })
    turn.end()
    expect(flushed[0]).toBe('first')
    return settled().then(() => expect(flushed).toEqual(['first', 'second']))
  })

  test('flushes what was written before it began', async () => {
    const { socket, turn, writer } = writing()
    writer.text('before')
    turn.begin()
    writer.text(' within')
    turn.end()
    expect(socket.writes).toEqual(['before within'])
    await settled()
    expect(socket.writes.length).toBe(1)
  })
})

test('a piece that the kernel was slow to take is given back once all has left, though text came behind it', async () => {
  const { socket, turn, writer } = writing()
  const piece = turn.pieces.take()
  turn.pieces.give(piece)
  // Each write takes its time.
  const underWay: (() => void)[] = []
  socket._write = (_chunk: Buffer, _encoding: BufferEncoding, done: () => void): void => void underWay.push(done)
  writer.bytes(Buffer.alloc(10_000, 'x'))
  await settled()
  writer.text('behind')
  await settled()
  expect(turn.pieces.take()).not.toBe(piece)
  for (let write = 0; write < 2; write++) {
    underWay.shift()?.()
    await settled()
  }
  expect(socket.writableLength).toBe(0)
  expect(turn.pieces.take()).toBe(piece)
})
