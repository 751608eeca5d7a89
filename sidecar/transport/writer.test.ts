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
    turn.touch({
      flush: () => {
        flushed.push('first')
        turn.touch({ flush: () => void flushed.push('second') })
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
