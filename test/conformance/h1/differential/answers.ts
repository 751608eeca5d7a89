import { ClientRequest, type IncomingMessage } from 'node:http'
import fc from 'fast-check'
import { HEAD_BYTES_MAX } from '../../../../common/mod.ts'
import { Headers, NO_BODY, type ResponseHead } from '../../../../sidecar/http/mod.ts'
import { type ClientEvents, H1ClientSession } from '../../../../sidecar/session/mod.ts'
import { Turn } from '../../../../sidecar/transport/mod.ts'
import { FakeSocket, settled } from '../../../fakes/socket.ts'
import { chunks, line, mostly, mutated, mutation } from './generate.ts'
import { deliver, endToEnd, type Wire } from './verdict.ts'

// The other role: what a client makes of the bytes of an answer, ours and node:http's.

export interface AnswerVerdict {
  /** `undefined` where it was refused before its head was whole. */
  readonly answer:
    | { readonly status: number; readonly fields: readonly (readonly [string, string])[]; readonly body: string }
    | undefined
  /** Whether it came to its end; `false`: refused, or broken off. */
  readonly whole: boolean
  readonly why: string
}

export interface AnswerWire extends Wire {
  readonly method: 'GET' | 'HEAD'
}

/** Our client session, asked once; the connection ends behind the bytes. */
export async function ourClient(wire: AnswerWire): Promise<AnswerVerdict> {
  const heard = { head: undefined as ResponseHead | undefined, body: '', whole: false, why: '' }
  const events: ClientEvents = {
    onInform: () => undefined,
    onHead: head => {
      heard.head = head
    },
    onSwitch: () => undefined,
    onData: chunk => {
      heard.body += chunk.toString('latin1')
      return true
    },
    onEnd: () => {
      heard.whole = true
    },
    onFailure: (_kind, detail) => {
      heard.why = detail
    },
    onDrain: () => undefined,
  }
  const owner = { released: () => undefined, closed: () => undefined, broken: fail }
  const socket = new FakeSocket({ allowHalfOpen: false })
  const session = new H1ClientSession(socket.asSocket, owner, new Turn(() => 0))
  const hop = {
    keepAlive: true,
    expectContinue: false,
    upgrade: undefined,
    hasMeshFields: false,
    traceparent: undefined,
  }
  const headers = Headers.of([['Host', 'a']])
  session.send(
    {
      method: wire.method,
      target: '/',
      authority: 'a',
      headers,
      body: NO_BODY,
      httpVersion: 1,
      grpc: false,
      minorVersion: 1,
      ...hop,
    },
    events,
  )
  await deliver(wire, socket)
  await end(socket)
  return {
    answer: heard.head === undefined ? undefined : understood(heard.head, heard.body),
    whole: heard.whole,
    why: heard.why,
  }
}

function fail(error: unknown): void {
  throw error
}

function understood({ status, headers }: ResponseHead, body: string): NonNullable<AnswerVerdict['answer']> {
  const fields: [string, string][] = []
  headers.forEach((name, value) => void fields.push([name.toLowerCase(), value]))
  return { status, fields, body }
}

/** Node's own client. */
export async function nodeClient(wire: AnswerWire): Promise<AnswerVerdict> {
  const heard = { answer: undefined as IncomingMessage | undefined, body: '', why: '' }
  const socket = new FakeSocket({ allowHalfOpen: false })
  const request = new ClientRequest({
    ...{ host: 'a', method: wire.method, path: '/', maxHeaderSize: HEAD_BYTES_MAX },
    createConnection: () => socket.asSocket,
  })
  request.on('error', (error: NodeJS.ErrnoException) => {
    heard.why ||= error.code ?? error.message
  })
  request.on('response', answer => {
    heard.answer = answer
    const push = answer.push.bind(answer)
    answer.push = (chunk: Buffer | null) => {
      if (chunk !== null) heard.body += chunk.toString('latin1')
      return push(chunk)
    }
    answer.on('error', () => undefined)
    answer.resume()
  })
  request.end()
  await deliver(wire, socket)
  await end(socket)
  const { answer, body, why } = heard
  if (answer === undefined) return { answer: undefined, whole: false, why }
  const pairs: [string, string][] = []
  const { rawHeaders } = answer
  for (let n = 0; n < rawHeaders.length; n += 2) pairs.push([rawHeaders[n] ?? '', rawHeaders[n + 1] ?? ''])
  return { answer: { status: answer.statusCode ?? 0, fields: endToEnd(pairs), body }, whole: answer.complete, why }
}

async function end(socket: FakeSocket): Promise<void> {
  if (!socket.destroyed) await socket.receiveEnd()
  socket.destroy()
  await settled()
}

const STARTS = [
  ...[
    'HTTP/1.1 200',
    'HTTP/1.1 200 ',
    'HTTP/1.0 200 OK',
    'HTTP/1.2 200 OK',
    'HTTP/2.0 200 OK',
    'HTTP/0.9 200 OK',
    'http/1.1 200 OK',
    'HTTP/1.1  200 OK',
  ],
  ...[
    'HTTP/1.1 099 x',
    'HTTP/1.1 99 x',
    'HTTP/1.1 600 x',
    'HTTP/1.1 999 x',
    'HTTP/1.1 1000 x',
    'HTTP/1.1 20x x',
    'HTTP/1.1 200OK',
    'HTTP/1.1 200 \xe9',
    'HTTP/1.1 200 a\tb',
    'ICY 200 OK',
    '',
  ],
  ...[
    'HTTP/1.1 204 No Content',
    'HTTP/1.1 304 Not Modified',
    'HTTP/1.1 101 x',
    'HTTP/1.1 500 x',
    'HTTP/1.1 100 x',
    'HTTP/1.1 103 x',
    '\r\nHTTP/1.1 200 OK',
  ],
]
const framed = fc.oneof(
  fc.constant({ lines: [] as string[], body: 'until the end' }),
  fc.nat(12).map(length => ({ lines: [`Content-Length: ${length}`], body: 'HTTP/1.1 200 OK'.slice(0, length) })),
  chunks.map(body => ({ lines: ['Transfer-Encoding: chunked'], body })),
)

/** Answers, most of them valid, and what is done to them. */
export const answerWires: fc.Arbitrary<AnswerWire> = fc
  .record({
    method: mostly<'GET' | 'HEAD'>('GET', ['HEAD']),
    interim: mostly('', [
      'HTTP/1.1 100 Continue\r\n\r\n',
      'HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n',
      'HTTP/1.1 103 x\r\nContent-Length: 5\r\n\r\n',
    ]),
    start: mostly('HTTP/1.1 200 OK', STARTS),
    lines: fc.array(line, { maxLength: 4 }),
    framed,
    mutations: fc.array(mutation, { maxLength: 2 }),
    cuts: fc.oneof(
      fc.constant([]),
      fc.array(fc.nat(200), { maxLength: 8 }),
      fc.constant(Array.from({ length: 300 }, (_, n) => n)),
    ),
  })
  .map(({ method, interim, start, lines, framed: { lines: framing, body }, mutations, cuts }) => {
    const text = `${interim}${start}\r\n${[...lines, ...framing].map(each => `${each}\r\n`).join('')}\r\n${body}`
    return { method, bytes: Buffer.from(mutations.reduce(mutated, text), 'latin1'), cuts }
  })
