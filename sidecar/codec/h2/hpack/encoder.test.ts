import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { encode, type Pair, Reader } from './hpack.fixture.ts'
import { BEGIN_BYTES_MAX, HpackEncoder } from './mod.ts'

const hex = (encoder: HpackEncoder, ...fields: Pair[]): string => encode(encoder, fields).toString('hex')
/** A literal that names its field, as `kind` says. */
const named = (kind: number, name: string, value: string): string =>
  Buffer.concat([
    Buffer.from([kind, name.length]),
    Buffer.from(name),
    Buffer.from([value.length]),
    Buffer.from(value),
  ]).toString('hex')

describe('how a field is written', () => {
  test('one of the static table by its index, whenever', () => {
    const encoder = new HpackEncoder(4096)
    for (let i = 0; i < 3; i++)
      expect(hex(encoder, [':method', 'POST'], [':path', '/'], [':scheme', 'https'])).toBe('838487')
    expect(hex(encoder, [':status', '404'], ['accept-encoding', 'gzip, deflate'])).toBe('8d90')
    expect(hex(encoder, ['accept-charset', ''])).toBe('8f')
  })

  test.each([200, 204, 206, 304, 400, 404, 500, 201, 599])('status %i', status => {
    const into = Buffer.alloc(32)
    const encoder = new HpackEncoder(4096)
    const end = encoder.status(into, encoder.begin(into, 0), status)
    expect(new Reader().read(into.subarray(0, end)).fields).toEqual([[':status', String(status)]])
    expect(end).toBe([201, 599].includes(status) ? 5 : 1)
  })

  test('the third time a value comes it enters the table, and is an index from then on', () => {
    const encoder = new HpackEncoder(4096)
    // `accept` has the index 19, `via` 60.
    expect(hex(encoder, ['accept', '1'])).toBe('0f040131')
    expect(hex(encoder, ['accept', '1'])).toBe('0f040131')
    expect(hex(encoder, ['accept', '1'])).toBe('530131')
    expect(hex(encoder, ['accept', '1'])).toBe('be')
    expect(hex(encoder, ['via', '1'], ['via', '1'], ['via', '1'], ['accept', '1'])).toMatch(/bf$/)
  })

  test('two values by turns enter it too', () => {
    const encoder = new HpackEncoder(4096)
    const turns: Pair[] = [
      ['accept', 'left'],
      ['accept', 'right'],
    ]
    for (let i = 0; i < 3; i++) encode(encoder, turns)
    expect(hex(encoder, ...turns)).toBe('bfbe')
  })

  test('what differs every time never does', () => {
    const encoder = new HpackEncoder(4096)
    for (let i = 0; i < 2000; i++) {
      expect(hex(encoder, [':path', `/products/${i}`]).slice(0, 2)).toBe('04')
      expect(hex(encoder, ['etag', `"of-${i}-the-tag"`]).slice(0, 4)).toBe('0f13')
    }
  })

  test('a name of neither table enters it with its second value, and is an index from then on', () => {
    const encoder = new HpackEncoder(4096)
    expect(hex(encoder, ['x', '1'])).toBe(named(0x00, 'x', '1'))
    expect(hex(encoder, ['x', '2'])).toBe(named(0x40, 'x', '2'))
    // Without indexing, the name at index 62: 15 and 47.
    for (let i = 3; i < 9; i++) expect(hex(encoder, ['x', `${i}`])).toBe(`0f2f013${i}`)
    // It comes again when it was driven out.
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f'])
      for (let i = 0; i < 2; i++) encode(encoder, [[name, 'v'.repeat(900)]])
    expect(hex(encoder, ['x', '9'])).toBe(named(0x40, 'x', '9'))
  })

  test.each([
    'authorization',
    'proxy-authorization',
    'cookie',
    'set-cookie',
    'x-api-key',
    'x-auth-token',
    'x-selvedge-join-token-2',
    'x-amz-session-id',
    'client_secret',
  ])('%s never enters any table', name => {
    const encoder = new HpackEncoder(4096)
    const reader = new Reader()
    for (let i = 0; i < 4; i++) {
      const block = encode(encoder, [[name, 'it']])
      expect(block[0]! & 0xf0).toBe(0x10)
      expect(reader.read(block).fields).toEqual([[name, 'it']])
      expect(reader.last[0]!.neverIndexed).toBe(true)
    }
  })

  test('what came as never indexed leaves so', () => {
    const encoder = new HpackEncoder(4096)
    const into = Buffer.alloc(64)
    for (let i = 0; i < 4; i++) {
      const end = encoder.sensitive(into, encoder.begin(into, 0), 'x', '1')
      expect(into.toString('hex', 0, end)).toBe(named(0x10, 'x', '1'))
    }
  })

  test('a path with a query stays out of the table', () => {
    const encoder = new HpackEncoder(4096)
    for (let i = 0; i < 4; i++) expect(hex(encoder, [':path', '/a?b']).slice(0, 2)).toBe('04')
  })

  test('what takes more than a quarter of the table does too', () => {
    const encoder = new HpackEncoder(4096)
    const fits: Pair = ['x', 'v'.repeat(1024 - 33)]
    const tooLong: Pair = ['y', 'v'.repeat(1024 - 32)]
    for (let i = 0; i < 3; i++) encode(encoder, [fits, tooLong])
    expect(encode(encoder, [fits])).toHaveLength(1)
    expect(encode(encoder, [tooLong]).length).toBeGreaterThan(900)
  })
})

describe('bytes that were written before', () => {
  const written = (encoder: HpackEncoder, ...fields: Pair[]): [string, boolean, boolean] => {
    const { generation, learning } = encoder
    const bytes = hex(encoder, ...fields)
    return [bytes, encoder.generation === generation, encoder.learning === learning]
  }

  test('can be written again once no field is on its way into the table, until an entry comes or goes', () => {
    const encoder = new HpackEncoder(4096)
    const head: Pair[] = [
      ['accept', '1'],
      ['cookie', 'a=b'],
      [':path', '/?q'],
    ]
    const generation = () => encoder.generation
    expect(written(encoder, ...head).slice(1)).toEqual([true, false])
    expect(written(encoder, ...head).slice(1)).toEqual([true, false])
    expect(written(encoder, ...head).slice(1)).toEqual([false, true])
    const [bytes, same, settled] = written(encoder, ...head)
    expect([same, settled]).toEqual([true, true])
    const before = generation()
    expect(written(encoder, ...head)).toEqual([bytes, true, true])
    for (let i = 0; i < 3; i++) hex(encoder, ['via', '1'])
    expect(generation()).not.toBe(before)
    expect(hex(encoder, ...head)).not.toBe(bytes)
    const between = generation()
    encoder.setPeerTableSize(0)
    encode(encoder, [])
    expect(generation()).not.toBe(between)
  })
})

describe('the size of the table', () => {
  test('is told at the beginning when it is less than the default', () => {
    expect(hex(new HpackEncoder(4096), [':method', 'GET'])).toBe('82')
    const small = new HpackEncoder(100)
    expect(hex(small, [':method', 'GET'])).toBe('3f4582')
    expect(hex(small, [':method', 'GET'])).toBe('82')
  })

  test('grows with what the peer allows, as far as we want', () => {
    const encoder = new HpackEncoder(8192)
    encoder.setPeerTableSize(2 ** 32 - 1)
    expect(hex(encoder, [':method', 'GET'])).toBe('3fe13f82')
  })

  test('tells the smallest that came between two blocks, then the last', () => {
    const encoder = new HpackEncoder(4096)
    for (let i = 0; i < 2; i++) encode(encoder, [['x', '1']])
    for (const bytes of [1000, 0, 4096]) encoder.setPeerTableSize(bytes)
    expect(hex(encoder, ['x', '1'])).toBe(`203fe11f${named(0x40, 'x', '1')}`)
    // Nothing to tell when it has not gone below what it is.
    encoder.setPeerTableSize(5000)
    encoder.setPeerTableSize(4096)
    expect(hex(encoder, ['x', '1'])).toBe('be')
  })

  test('of nothing is a table of nothing', () => {
    const encoder = new HpackEncoder(0)
    const reader = new Reader()
    for (let i = 0; i < 4; i++) {
      expect(reader.read(encode(encoder, [['x', '1']])).fields).toEqual([['x', '1']])
    }
    expect(hex(encoder, ['x', '1'])).toBe(named(0x00, 'x', '1'))
  })

  test('the largest update that there is fits in what begin may take', () => {
    const encoder = new HpackEncoder(2 ** 32 - 1)
    encoder.setPeerTableSize(0)
    encoder.setPeerTableSize(2 ** 32 - 1)
    const into = Buffer.alloc(BEGIN_BYTES_MAX)
    expect(encoder.begin(into, 0)).toBeLessThanOrEqual(BEGIN_BYTES_MAX)
  })
})

describe('any heads', () => {
  const name = fc.oneof(
    fc.constantFrom(
      ':path',
      ':method',
      ':authority',
      'accept',
      'cookie',
      'date',
      'content-length',
      'x-a',
      'x-b',
      'x-token',
    ),
    fc.string({ unit: fc.constantFrom(...'abc-'), minLength: 1, maxLength: 3 }),
    fc.string({ unit: 'binary-ascii', minLength: 1, maxLength: 150 }),
  )
  const value = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.constantFrom(
        '',
        '1',
        'gzip, deflate',
        'GET',
        '/',
        'v'.repeat(126),
        'v'.repeat(127),
        'v'.repeat(900),
      ),
    },
    { weight: 1, arbitrary: fc.string({ unit: fc.nat(255).map(c => String.fromCharCode(c)), maxLength: 300 }) },
  )
  const head = fc.array(fc.tuple(name, value), { maxLength: 10 })
  const size = fc.constantFrom(0, 31, 40, 64, 128, 512, 4096, 16_384, 65_536)
  const step = fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({ kind: fc.constant('head' as const), head, times: fc.integer({ min: 1, max: 4 }) }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('size' as const), size }) },
  )

  test('are read as they were written, under any table sizes, whenever these change', () => {
    fc.assert(
      fc.property(size, size, fc.array(step, { maxLength: 12 }), (ours, theirs, steps) => {
        const encoder = new HpackEncoder(ours)
        const reader = new Reader(theirs)
        encoder.setPeerTableSize(theirs)
        reader.decoder.allowTable(theirs)
        for (const each of steps) {
          if (each.kind === 'size') {
            encoder.setPeerTableSize(each.size)
            reader.decoder.allowTable(each.size)
            continue
          }
          for (let i = 0; i < each.times; i++) {
            expect(reader.read(encode(encoder, each.head))).toEqual({ fields: each.head, fault: undefined })
          }
        }
      }),
      { numRuns: 500 },
    )
  })

  test('cost the encoder no memory: names and values that never come again', () => {
    const encoder = new HpackEncoder(4096)
    const into = Buffer.alloc(128 * 1024)
    const big = 'x'.repeat(60_000)
    const round = (i: number) => {
      // Pieces of a head keep the whole head alive, unless they are copied.
      const text = Buffer.from(`${i}-name:${i}-value:${big}`, 'latin1').toString('latin1')
      const [fieldName, fieldValue] = text.slice(0, 60).split(':')
      const at = encoder.begin(into, 0)
      encoder.field(
        into,
        encoder.field(into, at, fieldName!, fieldValue!.padEnd(20)),
        fieldName!,
        fieldValue!.padEnd(20),
      )
    }
    for (let i = 0; i < 500; i++) round(i)
    const before = process.memoryUsage().rss
    for (let i = 500; i < 4000; i++) round(i)
    // 3,500 heads of 60 KB went by.
    expect(process.memoryUsage().rss - before).toBeLessThan(40 * 1024 * 1024)
  })
})

test('any bytes at all are fields or a fault, never a throw, and the sizes bound what is handed over', () => {
  const byte = fc.oneof(fc.nat(255), fc.constantFrom(0x40, 0x41, 0x82, 0xbe, 0xbf, 0x01, 0x02, 0x20))
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 4 }),
      fc.array(byte, { maxLength: 60 }),
      (blocks, last) => {
        const reader = new Reader()
        for (const block of [...blocks, Uint8Array.from(last)]) {
          const { fields } = reader.read(Buffer.from(block), 200)
          expect(fields.reduce((sum, [n, v]) => sum + n.length + v.length + 32, 0)).toBeLessThanOrEqual(200)
        }
      },
    ),
    { numRuns: 3000 },
  )
})
