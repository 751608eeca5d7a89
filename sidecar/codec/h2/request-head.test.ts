import { describe, expect, test } from 'vitest'
import { block, type Pair } from '../../../test/conformance/h2/wire.ts'
import { classify, HeadFields, HpackDecoder, readRequestHead } from './mod.ts'

/** What is made of these fields, with a body to come. */
function read(fields: readonly Pair[], atEdge = true) {
  const gathered = new HeadFields()
  const bytes = block(fields)
  gathered.begin()
  expect(new HpackDecoder(4096, classify).decode(bytes, 0, bytes.length, gathered, 65_536)).toBeUndefined()
  return readRequestHead(gathered, false, atEdge)
}

const WEBSOCKET: readonly Pair[] = [
  [':method', 'CONNECT'],
  [':scheme', 'http'],
  [':path', '/chat'],
  [':authority', 'chat.shop'],
  [':protocol', 'websocket'],
]
const CONNECT: readonly Pair[] = [
  [':method', 'CONNECT'],
  [':authority', 'db.shop:5432'],
]

describe.each([
  ['a switch of protocols', WEBSOCKET],
  ['a CONNECT', CONNECT],
])('[H2-10] %s', (_, fields) => {
  test('that announces a body is malformed: as HTTP/1.1 it would swallow the request behind it', () => {
    expect(read([...fields, ['content-length', '5']])).toMatchObject({ ok: false, error: { status: 0 } })
  })

  test('that announces an empty one is served without saying so', () => {
    const head = read([...fields, ['content-length', '0']])
    expect(head.ok && head.value.body.kind).toBe('none')
    expect(head.ok && head.value.headers.has('content-length')).toBe(false)
  })
})

test('[H2-10] Host twice is refused, though both say the same: HTTP/1.1 has it once', () => {
  const fields: readonly Pair[] = [
    [':method', 'GET'],
    [':scheme', 'http'],
    [':path', '/'],
  ]
  expect(read([...fields, ['host', 'a']])).toMatchObject({ ok: true, value: { authority: 'a' } })
  expect(read([...fields, ['host', 'a'], ['host', 'a']])).toMatchObject({ ok: false })
})
