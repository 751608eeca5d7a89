import { describe, expect, test } from 'vitest'
import { type Pair, Reader } from './hpack.fixture.ts'

// RFC 7541, appendix C, whole: the bytes, the fields that they mean, and what is in the table afterwards.

const GET: Pair = [':method', 'GET']
const HTTP: Pair = [':scheme', 'http']
const AUTHORITY: Pair = [':authority', 'www.example.com']
const NO_CACHE: Pair = ['cache-control', 'no-cache']
const CUSTOM: Pair = ['custom-key', 'custom-value']

const REQUESTS: Pair[][] = [
  [GET, HTTP, [':path', '/'], AUTHORITY],
  [GET, HTTP, [':path', '/'], AUTHORITY, NO_CACHE],
  [GET, [':scheme', 'https'], [':path', '/index.html'], AUTHORITY, CUSTOM],
]
/** Newest first. */
const REQUEST_TABLES: Pair[][] = [[AUTHORITY], [NO_CACHE, AUTHORITY], [CUSTOM, NO_CACHE, AUTHORITY]]

const DATE_21: Pair = ['date', 'Mon, 21 Oct 2013 20:13:21 GMT']
const DATE_22: Pair = ['date', 'Mon, 21 Oct 2013 20:13:22 GMT']
const PRIVATE: Pair = ['cache-control', 'private']
const LOCATION: Pair = ['location', 'https://www.example.com']
const GZIP: Pair = ['content-encoding', 'gzip']
const COOKIE: Pair = ['set-cookie', 'foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1']
const S302: Pair = [':status', '302']
const S307: Pair = [':status', '307']

const ANSWERS: Pair[][] = [
  [S302, PRIVATE, DATE_21, LOCATION],
  [S307, PRIVATE, DATE_21, LOCATION],
  [[':status', '200'], PRIVATE, DATE_22, LOCATION, GZIP, COOKIE],
]
const ANSWER_TABLES: Pair[][] = [
  [LOCATION, DATE_21, PRIVATE, S302],
  [S307, LOCATION, DATE_21, PRIVATE],
  [COOKIE, GZIP, DATE_22],
]

/** What is in the dynamic table, newest first, as a peer sees it: by its indexes from 62 on. */
function tableOf(reader: Reader, entries: number): Pair[] {
  const block = Array.from({ length: entries }, (_, i) => (0x80 | (62 + i)).toString(16)).join('')
  return reader.read(block).fields
}

function follows(reader: Reader, blocks: string[], fields: Pair[][], tables: Pair[][]): void {
  for (const [i, block] of blocks.entries()) {
    expect(reader.read(block)).toEqual({ fields: fields[i], fault: undefined })
    expect(tableOf(reader, tables[i]!.length)).toEqual(tables[i])
  }
  expect(reader.read((0x80 | (62 + tables.at(-1)!.length)).toString(16)).fault).toBe('compression-error')
}

describe('RFC 7541, appendix C', () => {
  // C.1: the integers 10 and 1337 with a prefix of 5 bits, as sizes of the table; 42 with 8 bits is an index's or a length's.
  test('C.1.1 and C.1.2: integers within a prefix and beyond it', () => {
    const reader = new Reader()
    const entry = '400161 0162'
    expect(reader.read(`2a ${entry}`).fault).toBeUndefined()
    // 10 bytes are too few for an entry of 34.
    expect(reader.read('be').fault).toBe('compression-error')
    const roomy = new Reader()
    expect(roomy.read(`3f9a0a ${entry} be`).fields).toEqual([
      ['a', 'b'],
      ['a', 'b'],
    ])
  })

  test('C.1.3: an integer that begins at an octet', () => {
    // 42 as a length: one more byte than the value has is one byte too many.
    expect(new Reader().read(`00 0161 2a ${'62'.repeat(42)}`).fields).toEqual([['a', 'b'.repeat(42)]])
    expect(new Reader().read(`00 0161 2a ${'62'.repeat(41)}`).fault).toBe('compression-error')
  })

  test('C.2.1: a literal with indexing', () => {
    const reader = new Reader()
    const block = '400a637573746f6d2d6b65790d637573746f6d2d686561646572'
    expect(reader.read(block).fields).toEqual([['custom-key', 'custom-header']])
    expect(reader.last[0]).toMatchObject({ size: 55, neverIndexed: false, line: 'custom-key: custom-header\r\n' })
    expect(tableOf(reader, 1)).toEqual([['custom-key', 'custom-header']])
  })

  test('C.2.2: a literal without indexing', () => {
    const reader = new Reader()
    expect(reader.read('040c2f73616d706c652f70617468').fields).toEqual([[':path', '/sample/path']])
    expect(reader.last[0]!.neverIndexed).toBe(false)
    expect(reader.read('be').fault).toBe('compression-error')
  })

  test('C.2.3: a literal that is never indexed, and says so to whoever hands it on', () => {
    const reader = new Reader()
    expect(reader.read('100870617373776f726406736563726574').fields).toEqual([['password', 'secret']])
    expect(reader.last[0]!.neverIndexed).toBe(true)
    expect(reader.read('be').fault).toBe('compression-error')
  })

  test('C.2.4: an indexed field', () => {
    expect(new Reader().read('82').fields).toEqual([GET])
  })

  test('C.3: requests without Huffman coding', () => {
    const blocks = [
      '828684410f7777772e6578616d706c652e636f6d',
      '828684be58086e6f2d6361636865',
      '828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565',
    ]
    follows(new Reader(), blocks, REQUESTS, REQUEST_TABLES)
  })

  test('C.4: requests with Huffman coding', () => {
    const blocks = [
      '828684418cf1e3c2e5f23a6ba0ab90f4ff',
      '828684be5886a8eb10649cbf',
      '828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf',
    ]
    follows(new Reader(), blocks, REQUESTS, REQUEST_TABLES)
  })

  test('C.5: answers without Huffman coding, in a table of 256 bytes that must evict', () => {
    const blocks = [
      `3fe101 4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d54
       6e1768747470733a2f2f7777772e6578616d706c652e636f6d`,
      '4803333037c1c0bf',
      `88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f3d4153444a4b48514b425a
       584f5157454f50495541585157454f49553b206d61782d6167653d333630303b2076657273696f6e3d31`,
    ]
    follows(new Reader(), blocks, ANSWERS, ANSWER_TABLES)
  })

  test('C.6: answers with Huffman coding', () => {
    const blocks = [
      '3fe101 488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3',
      '4883640effc1c0bf',
      `88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672
       c1ab270fb5291f9587316065c003ed4ee5b1063d5007`,
    ]
    follows(new Reader(), blocks, ANSWERS, ANSWER_TABLES)
  })
})
