import { describe, expect, test } from 'vitest'
import { Headers, NO_BODY, ownHead, type RequestHead, type ResponseHead } from '../../http/mod.ts'
import { classify, HeadFields, HeadWriter, HpackDecoder, readRequestHead } from './mod.ts'

const REQUEST: RequestHead = {
  method: 'GET',
  target: '/a',
  authority: 'app',
  headers: Headers.empty(),
  body: NO_BODY,
  httpVersion: 1,
  minorVersion: 1,
  keepAlive: true,
  expectContinue: false,
  upgrade: undefined,
  hasMeshFields: false,
  traceparent: undefined,
  grpc: false,
}

/** Fields as a codec has read them: one text. */
function read(lines: string): Headers {
  const marks: number[] = []
  let at = 0
  for (const line of lines.split('\r\n').slice(0, -1)) {
    const colon = line.indexOf(':')
    marks.push(at, at + colon, at + colon + 2, at + line.length)
    at += line.length + 2
  }
  return new Headers(lines, marks, 0, lines.length, false)
}

/** The far end: what is read of a block, and which of it may not be indexed. */
class Far {
  private readonly decoder = new HpackDecoder(4096, classify)
  fields: [name: string, value: string][] = []
  never: string[] = []

  take(block: Buffer): this {
    this.fields = []
    this.never = []
    const sink = {
      field: ({ name, value, neverIndexed }: { name: string; value: string; neverIndexed: boolean }) => {
        this.fields.push([name, value])
        if (neverIndexed) this.never.push(name)
        return true
      },
    }
    expect(this.decoder.decode(block, 0, block.length, sink, 65_536)).toBeUndefined()
    return this
  }
}

function written(writer: HeadWriter, head: RequestHead | ResponseHead): Buffer {
  const room = 'method' in head ? writer.requestBytesMax(head) : writer.responseBytesMax(head)
  const into = Buffer.alloc(room)
  return into.subarray(0, 'method' in head ? writer.request(head, into, 0, false) : writer.response(head, into, 0))
}

const LINES = 'Server: app\r\nContent-Type: text/plain\r\nContent-Length: 2\r\nX-Own: yes\r\n'
const answer = (lines: string): ResponseHead => ({ ...ownHead(200, 'OK', [], 2), headers: read(lines) })

describe('a head that is written again and again', () => {
  test('comes to one byte a field, whatever was remembered of it meanwhile', () => {
    const writer = new HeadWriter(4096)
    const far = new Far()
    const lengths: number[] = []
    for (let i = 0; i < 6; i++) {
      const block = written(writer, answer(LINES))
      lengths.push(block.length)
      expect(far.take(block).fields).toEqual([
        [':status', '200'],
        ['server', 'app'],
        ['content-type', 'text/plain'],
        ['content-length', '2'],
        ['x-own', 'yes'],
      ])
    }
    expect(lengths.slice(-2)).toEqual([5, 5])
  })

  test('is written anew when the table has changed between', () => {
    const writer = new HeadWriter(4096)
    const far = new Far()
    const expected = far.take(written(writer, answer(LINES))).fields
    for (let i = 0; i < 40; i++) {
      for (let n = 0; n < 3; n++) far.take(written(writer, answer(`X-Other: ${i} ${'v'.repeat(400)}\r\n`)))
      expect(far.take(written(writer, answer(LINES))).fields).toEqual(expected)
      if (i === 20) writer.setPeerTableSize(64)
      if (i === 30) writer.setPeerTableSize(4096)
    }
  })

  test('without what was removed of it', () => {
    const writer = new HeadWriter(4096)
    const far = new Far()
    for (let i = 0; i < 5; i++) {
      for (const removed of ['server', 'x-own', 'nothing']) {
        const head = answer(LINES)
        head.headers.remove(removed)
        const names = ['server', 'content-type', 'content-length', 'x-own'].filter(name => name !== removed)
        expect(far.take(written(writer, head)).fields.map(([name]) => name)).toEqual([':status', ...names])
      }
    }
  })
})

describe('what came as never indexed', () => {
  /** As it goes through a sidecar: read here, written there. */
  function through(fields: readonly (readonly [name: string, value: string, never: boolean])[]): Far {
    const reader = new HpackDecoder(4096, classify)
    const gathered = new HeadFields()
    const writer = new HeadWriter(4096)
    const far = new Far()
    for (let i = 0; i < 5; i++) {
      const block = Buffer.concat(
        fields.map(([name, value, never]) => {
          return Buffer.concat([
            Buffer.from([never ? 0x10 : 0, name.length]),
            Buffer.from(name),
            Buffer.from([value.length]),
            Buffer.from(value),
          ])
        }),
      )
      gathered.begin()
      expect(reader.decode(block, 0, block.length, gathered, 65_536)).toBeUndefined()
      const head = readRequestHead(gathered, true, true)
      if (!head.ok) throw new Error(head.error.detail)
      far.take(written(writer, head.value))
    }
    return far
  }
  const PSEUDO = [
    [':method', 'GET', false],
    [':scheme', 'http', false],
    [':authority', 'app', false],
  ] as const

  test('leaves so, each time, and keeps nothing else out', () => {
    const far = through([...PSEUDO, [':path', '/a', false], ['x-a', '1', true], ['x-b', '2', false]])
    expect(far.never).toEqual(['x-a'])
    expect(far.fields).toContainEqual(['x-a', '1'])
    expect(far.fields).toContainEqual(['x-b', '2'])
  })

  test('a path, too', () => {
    expect(through([...PSEUDO, [':path', '/secret', true]]).never).toEqual([':path'])
  })

  test('what is secret by its name leaves so however it came', () => {
    const far = through([...PSEUDO, [':path', '/a', false], ['authorization', 'me', false], ['cookie', 'a=b', true]])
    expect(far.never).toEqual(['authorization', 'cookie'])
  })
})

test('names come in lower case, and what belongs to a connection of HTTP/1.1 does not come', () => {
  const writer = new HeadWriter(4096)
  const headers = read('Host: other\r\nX-OWN: Yes\r\nTE: gzip\r\nTE: trailers\r\nHTTP2-Settings: x\r\n')
  expect(new Far().take(written(writer, { ...REQUEST, headers })).fields).toEqual([
    [':method', 'GET'],
    [':scheme', 'http'],
    [':path', '/a'],
    [':authority', 'app'],
    ['x-own', 'Yes'],
    ['te', 'trailers'],
  ])
})

test('a traceparent, which differs each time, keeps the rest from nothing', () => {
  const reader = new HpackDecoder(4096, classify)
  const gathered = new HeadFields()
  const writer = new HeadWriter(4096)
  const far = new Far()
  let last: Buffer = Buffer.alloc(0)
  for (let i = 0; i < 20; i++) {
    const traceparent = `00-${String(i).padStart(32, '0')}-${String(i).padStart(16, '0')}-01`
    const from = new HeadWriter(0)
    const headers = read(`accept: */*\r\ntraceparent: ${traceparent}\r\nuser-agent: me\r\n`)
    const block = written(from, { ...REQUEST, headers })
    gathered.begin()
    expect(reader.decode(block, 0, block.length, gathered, 65_536)).toBeUndefined()
    const head = readRequestHead(gathered, true, true)
    if (!head.ok) throw new Error(head.error.detail)
    expect(head.value.traceparent).toBe(traceparent)
    last = written(writer, head.value)
    expect(far.take(last).fields.slice(4)).toEqual([
      ['accept', '*/*'],
      ['user-agent', 'me'],
      ['traceparent', traceparent],
    ])
  }
  // Six fields by their indexes, and the one that is new behind the index of its name.
  expect(last.length).toBe(6 + 3 + 55)
})
