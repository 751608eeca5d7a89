import { describe, expect, test } from 'vitest'
import { type Decoded, encode, integer, NO_FACTS, type Pair, Reader, text } from './hpack.fixture.ts'
import { encodeHuffman } from './huffman.ts'
import { DECODED_BYTES_MAX, HpackDecoder, HpackEncoder } from './mod.ts'

const block = (...bytes: (number | number[])[]): Buffer => Buffer.from(bytes.flat())
/** A literal with indexing, plain. */
const entry = (name: string, value: string): number[] => [0x40, ...text(name), ...text(value)]
const FATAL: Decoded = { fields: [], fault: 'compression-error' }

describe('[H2-9] what means nothing is a compression error', () => {
  test.each([
    ['index 0', '80'],
    ['an index behind the static table, with nothing in the other', 'be'],
    ['a name at an index that no table has', '7e 0161'],
    ['a name without indexing at an index that no table has', '0f2f 0161'],
    ['a block that ends behind a name', '40 0161'],
    ['a block that ends within a name', '40 0361'],
    ['a block that ends within a value', '40 0161 0262'],
    ['a block that ends within an integer', 'ff'],
    ['a block that ends within a longer integer', 'ff80'],
    ['a block that ends within a length', '40 7f'],
    ['an index of 33 bits', 'ffffffffff0f'],
    ['an index spun out with zeroes', 'ff808080808080800100'],
    ['a length of 2^28 and more', '40 7fffffffff7f'],
    ['a table size spun out with zeroes', '3f8080808080808000'],
    ['a Huffman name with EOS', '40 84ffffffff 0161'],
    ['a Huffman value with EOS', '40 0161 84ffffffff'],
    ['padding of a whole byte', '40 0161 8257ff'],
    ['padding of more than 7 bits behind a code of 5', '40 0161 821fff'],
    ['padding of zeroes', '40 0161 8118'],
    ['a table size update behind a field', '82 20'],
    ['a table size update of more than we allow', '3fe21f'],
  ])('%s', (_, hex) => {
    const reader = new Reader()
    expect(reader.read(hex)).toMatchObject({ fault: 'compression-error' })
    // Nothing that follows can be understood any more.
    expect(reader.read('82')).toEqual(FATAL)
  })

  test('what came before it in the block was handed over', () => {
    expect(new Reader().read('8286 80').fields).toEqual([
      [':method', 'GET'],
      [':scheme', 'http'],
    ])
  })
})

describe('what only just means something is read', () => {
  test('the last index of the static table, and the oldest of the dynamic one', () => {
    expect(new Reader().read('bd').fields).toEqual([['www-authenticate', '']])
    const reader = new Reader()
    reader.read(block(entry('a', '1'), entry('b', '2')))
    expect(reader.read('bf be').fields).toEqual([
      ['a', '1'],
      ['b', '2'],
    ])
    expect(reader.read('c0')).toEqual(FATAL)
  })

  test('an empty block, an empty name, an empty value, plain and coded', () => {
    expect(new Reader().read('')).toEqual({ fields: [], fault: undefined })
    expect(new Reader().read('00 00 00 00 80 80').fields).toEqual([
      ['', ''],
      ['', ''],
    ])
  })

  test('padding of seven bits', () => {
    // 'X' and '0' have codes of 8 and 5 bits: three bits of padding; '&' of 8: none; '0' alone: three.
    expect(new Reader().read('00 0161 82fc 07 00 0161 81f8').fields).toEqual([
      ['a', 'X0'],
      ['a', '&'],
    ])
  })
})

describe('the table', () => {
  test('an entry larger than the table empties it, and is handed over all the same', () => {
    const reader = new Reader()
    reader.read(block(0x3f, 0x21, entry('a', '1')))
    expect(reader.read(block(entry('large', 'x'.repeat(60))))).toEqual({
      fields: [['large', 'x'.repeat(60)]],
      fault: undefined,
    })
    expect(reader.read('be')).toEqual(FATAL)
  })

  test('an entry of exactly the table stays, of one byte more does not', () => {
    const exact = new Reader()
    // 64 bytes: 32, a name of 2, a value of 30.
    expect(exact.read(block(0x3f, 0x21, entry('ab', 'x'.repeat(30)), 0xbe)).fields).toHaveLength(2)
    expect(new Reader().read(block(0x3f, 0x21, entry('ab', 'x'.repeat(31)), 0xbe)).fault).toBe('compression-error')
  })

  test('a name taken from an entry that the field itself drives out is still its name', () => {
    const reader = new Reader()
    reader.read(block(0x3f, 0x21, entry('name', '1')))
    expect(reader.read(block(0x7e, text('x'.repeat(28)))).fields).toEqual([['name', 'x'.repeat(28)]])
    expect(reader.read('be').fields).toEqual([['name', 'x'.repeat(28)]])
  })

  test('the ring grows with many small entries and keeps their order', () => {
    const reader = new Reader()
    const fields = Array.from({ length: 300 }, (_, i): Pair => [`n${i}`, ''])
    for (const [name, value] of fields) reader.read(block(entry(name, value)))
    const kept = Math.floor(4096 / 36)
    const indexes = Array.from({ length: kept }, (_, i) => integer(0x80, 7, 62 + i)).flat()
    expect(reader.read(block(indexes)).fields).toEqual(fields.slice(-kept).reverse())
    expect(reader.read(block(integer(0x80, 7, 62 + kept)))).toEqual(FATAL)
  })

  test('updates of its size: several at the beginning, the smallest evicts', () => {
    const reader = new Reader()
    reader.read(block(entry('a', '1')))
    expect(reader.read('20 3fe11f').fault).toBeUndefined()
    expect(reader.read('be')).toEqual(FATAL)
  })

  test('what we allow beyond the default holds at once, what we allow less only once it is acknowledged', () => {
    const more = new Reader(8192)
    expect(more.read(block(integer(0x20, 5, 8192))).fault).toBeUndefined()
    expect(more.read(block(integer(0x20, 5, 8193)))).toEqual(FATAL)
    const less = new Reader(100)
    expect(less.read(block(integer(0x20, 5, 4096), 0x82)).fault).toBeUndefined()
    less.decoder.allowTable(100)
    expect(less.read(block(integer(0x20, 5, 101), 0x82)).fault).toBe('compression-error')
  })

  test('after we allowed less, the next block must begin by saying so (RFC 7541, 4.2)', () => {
    const silent = new Reader()
    silent.decoder.allowTable(100)
    expect(silent.read('82')).toEqual(FATAL)
    const obedient = new Reader()
    obedient.decoder.allowTable(100)
    expect(obedient.read(block(integer(0x20, 5, 100), 0x82)).fields).toEqual([[':method', 'GET']])
    const smaller = new Reader()
    smaller.read(block(integer(0x20, 5, 50)))
    smaller.decoder.allowTable(100)
    expect(smaller.read('82').fields).toEqual([[':method', 'GET']])
  })
})

describe('[H2-4] the limit counts decoded bytes', () => {
  test('of indexed fields: name, value and 32 each', () => {
    // `:method: GET` is 42 bytes.
    expect(new Reader().read('828282', 126).fields).toHaveLength(3)
    expect(new Reader().read('828282', 125)).toEqual({
      fields: [
        [':method', 'GET'],
        [':method', 'GET'],
      ],
      fault: 'too-large',
    })
  })

  test('of coded strings: as they are once decoded', () => {
    const coded = '00 0161 8c f1e3c2e5f23a6ba0ab90f4ff'
    expect(new Reader().read(coded, 1 + 15 + 32).fault).toBeUndefined()
    expect(new Reader().read(coded, 1 + 15 + 31)).toEqual({ fields: [], fault: 'too-large' })
  })

  test('of cookie crumbs, each', () => {
    const crumb = [0x0f, 0x11, ...text('a=1')]
    const crumbs = block(Array.from({ length: 100 }, () => crumb).flat())
    expect(new Reader().read(crumbs, 100 * 41)).toMatchObject({ fault: undefined })
    expect(new Reader().read(crumbs, 100 * 41 - 1)).toMatchObject({ fault: 'too-large' })
  })

  test('the block that passes it still counts for the table', () => {
    const reader = new Reader()
    const large = reader.read(
      block(entry('x', 'y'.repeat(500)), entry('a', '1'), [0x00, ...text('b'), ...text('2')]),
      100,
    )
    expect(large).toEqual({ fields: [], fault: 'too-large' })
    expect(reader.read('be').fields).toEqual([['a', '1']])
    expect(reader.read('bf').fields).toEqual([['x', 'y'.repeat(500)]])
    // Faults in what nobody hears are faults.
    expect(reader.read(block(entry('x', 'y'.repeat(100)), 0x80), 100)).toEqual(FATAL)
    expect(new Reader().read(`${block(entry('x', 'y'.repeat(100))).toString('hex')} 00 0161 84ffffffff`, 100)).toEqual(
      FATAL,
    )
  })

  test('a sink that wants no more gets no more, and the table is in step', () => {
    const decoder = new HpackDecoder(4096, NO_FACTS)
    let heard = 0
    const bytes = block(entry('a', '1'), entry('b', '2'), [0x00, ...text('c'), ...text('3')], entry('d', '4'))
    const sink = { field: () => ++heard < 2 }
    expect(decoder.decode(bytes, 0, bytes.length, sink, 4096)).toBeUndefined()
    expect(heard).toBe(2)
    const names: string[] = []
    const next = Buffer.from('bebfc0', 'hex')
    decoder.decode(next, 0, 3, { field: field => names.push(field.name) > 0 }, 4096)
    expect(names).toEqual(['d', 'b', 'a'])
  })

  test('[H2-4] a block that unpacks to many times the limit is a bomb, and ends the connection', () => {
    const reader = new Reader()
    reader.read(block(entry('x', 'y'.repeat(3000))))
    const refs = Buffer.alloc(60_000, 0xbe)
    expect(reader.read(refs).fault).toBe('bomb')
    expect(reader.read('82')).toEqual({ fields: [], fault: 'bomb' })
  })

  test('[H2-4] bombs leave no memory behind: a thousand connections with one each', () => {
    const seed = block(entry('x', 'y'.repeat(4000)))
    const refs = Buffer.alloc(16_000, 0xbe)
    const giant = block(0x00, text('z'.repeat(60_000)), 0x8a, Buffer.alloc(10, 0xff).toJSON().data)
    const decoders: HpackDecoder[] = []
    const sink = { field: () => true }
    const before = process.memoryUsage()
    for (let i = 0; i < 1000; i++) {
      const decoder = new HpackDecoder(4096, NO_FACTS)
      decoder.decode(seed, 0, seed.length, sink, 65_536)
      const fault = decoder.decode(
        i % 2 === 0 ? refs : giant,
        0,
        i % 2 === 0 ? refs.length : giant.length,
        sink,
        65_536,
      )
      expect(fault?.kind).toBe(i % 2 === 0 ? 'bomb' : 'compression-error')
      decoders.push(decoder)
    }
    const after = process.memoryUsage()
    expect(decoders).toHaveLength(1000)
    // 60 million fields of 4 KiB each were named; what is left are a thousand empty tables.
    expect(after.rss - before.rss).toBeLessThan(20 * 1024 * 1024)
  })

  test('no field is larger than the largest that is ever made into text', () => {
    const reader = new Reader(10 * DECODED_BYTES_MAX)
    expect(reader.read(block(integer(0x20, 5, DECODED_BYTES_MAX + 1)))).toEqual(FATAL)
    const long = block(0x00, text('a'), text('b'.repeat(DECODED_BYTES_MAX)))
    const { fields, fault } = new Reader().read(long, 10 * DECODED_BYTES_MAX)
    expect([fields.length, fault]).toEqual([0, 'too-large'])
  })
})

describe('facts', () => {
  test('are asked for once for each field that is made, and each name; never for what comes by its index', () => {
    const names: string[] = []
    const fields: [number, string, boolean][] = []
    const reader = new Reader(4096, {
      name: name => names.push(name),
      field: (nameKind, value, clean) => 1000 + fields.push([nameKind, value, clean]),
    })
    expect([names.length, fields.length]).toEqual([61, 61])
    const late: number[] = [0x7e, ...text('2')]
    reader.read(block(0x82, entry('a', '1'), 0xbe, 0xbe, late, [0x04, ...text('/x')]))
    expect(names.slice(61)).toEqual(['a'])
    expect(fields.slice(61)).toEqual([
      [62, '1', true],
      [62, '2', true],
      [4, '/x', true],
    ])
    expect(reader.last.map(field => field.kind)).toEqual([1002, 1062, 1062, 1062, 1063, 1064])
  })

  test('say whether a value has a byte that no value may have, plain and coded', () => {
    const reader = new Reader(4096, { name: () => 0, field: (_, __, clean) => (clean ? 1 : 2) })
    const kindOf = (...bytes: number[]) => {
      reader.read(block(0x00, text('a'), text(Buffer.from(bytes).toString('latin1'))))
      return reader.last[0]!.kind
    }
    for (let c = 0; c < 256; c++) {
      expect(kindOf(97, c, 97)).toBe((c < 32 && c !== 9) || c === 127 ? 2 : 1)
      const coded = Buffer.alloc(8)
      const bytes = encodeHuffman(`a${String.fromCharCode(c)}a`, coded, 0)
      reader.read(Buffer.concat([Buffer.from([0, 1, 97, 0x80 | bytes]), coded.subarray(0, bytes)]))
      expect(reader.last[0]!.kind).toBe((c < 32 && c !== 9) || c === 127 ? 2 : 1)
    }
  })

  test('of fields are those of latin1 bytes, whatever they are', () => {
    const every = Buffer.from(Array.from({ length: 256 }, (_, c) => c))
    const fields = [['a', every.toString('latin1')]] as const
    expect(new Reader().read(encode(new HpackEncoder(4096), fields)).fields).toEqual(fields)
  })
})
