import { FakeSocket } from '../../test/fakes/socket.ts'
import { ServerFirst } from '../detect/mod.ts'
import { type BodySink, type Caller, type Exchange, Headers, ownHead, type ResponseHead } from '../http/mod.ts'
import { Turn } from '../transport/mod.ts'
import { type CallerSocket, H1ServerSession, type ServerHost } from './mod.ts'

const APPLICATION: Caller = { kind: 'application' }

/** One caller's session on a fake socket. `begin` is what becomes of each exchange; by default nothing, until the test answers. */
export async function serve(begin: (x: Exchange) => void = () => {}) {
  const socket = new FakeSocket({ allowHalfOpen: true })
  const heard: string[] = []
  const exchanges: Exchange[] = []
  const handed: CallerSocket[] = []
  const clock = { nowMs: 0 }
  const state = { draining: false }
  const host: ServerHost = {
    turn: new Turn(() => clock.nowMs),
    begin: x => {
      exchanges.push(x)
      begin(x)
    },
    connect: x => void exchanges.push(x),
    refused: (_session, why) => void heard.push(`refused ${why.status}`),
    serverFirst: new ServerFirst(() => clock.nowMs),
    accept: connection => void handed.push(connection),
    detected: found => void heard.push(`detected ${found}`),
    broken: error => void heard.push(`broken ${error instanceof Error ? error.message : error}`),
    opened: () => void heard.push('opened'),
    closed: () => void heard.push('closed'),
    draining: () => state.draining,
  }
  const session = new H1ServerSession(socket.asSocket, APPLICATION, 80, host)
  await socket.receive('')
  const last = (): Exchange => {
    const x = exchanges.at(-1)
    if (x === undefined) throw new Error('no exchange has begun')
    return x
  }
  return { socket, session, host, heard, exchanges, handed, clock, state, last }
}

/** Answers with a whole small body. */
export function answer(x: Exchange, text = 'ok', status = 200): void {
  x.reply(ownHead(status, 'OK', [], text.length), Buffer.from(text))
}

/** What `answer` looks like on the wire. */
export function answerText(text = 'ok', hop = ''): string {
  return `HTTP/1.1 200 OK\r\ncontent-length: ${text.length}\r\n${hop}\r\n${text}`
}

/** The head of an answer whose length isn't known. */
export function chunkedHead(): ResponseHead {
  return { ...ownHead(200, 'OK', [], 0), headers: Headers.empty(), body: { kind: 'chunked' } }
}

/** Takes a request's body; `open` is its answer to each piece. */
export class FakeSink implements BodySink {
  readonly heard: string[] = []
  open = true

  data(chunk: Buffer): boolean {
    this.heard.push(chunk.toString('latin1'))
    return this.open
  }

  end(): void {
    this.heard.push('<end>')
  }

  reset(): void {
    this.heard.push('<reset>')
  }
}
