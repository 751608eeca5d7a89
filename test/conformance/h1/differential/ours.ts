import { BodyReader, HeadScanner, readRequestHead } from '../../../../sidecar/codec/h1/mod.ts'
import { ServerFirst } from '../../../../sidecar/detect/mod.ts'
import { type Exchange, ownHead } from '../../../../sidecar/http/mod.ts'
import { H1ServerSession, type ServerHost } from '../../../../sidecar/session/mod.ts'
import { Turn } from '../../../../sidecar/transport/mod.ts'
import { FakeSocket } from '../../../fakes/socket.ts'
import { deliver, type Understood, type Verdict, type Wire } from './verdict.ts'

/** Our own session, which answers each request when it has come whole. */
export async function ours(wire: Wire): Promise<Verdict> {
  const requests: Understood[] = []
  let refused: string | undefined
  /** It is answered when all bytes have come: what comes before the answer is refused, whenever it comes. */
  let connect: Exchange | undefined
  const host: ServerHost = {
    turn: new Turn(() => 0),
    serverFirst: new ServerFirst(() => 0),
    accept: () => undefined,
    begin: x => begin(x, requests),
    connect: x => {
      connect = x
    },
    refused: (_session, why) => {
      refused ??= why.detail
    },
    detected: () => undefined,
    broken: error => {
      throw error
    },
    opened: () => undefined,
    closed: () => undefined,
    draining: () => false,
  }
  const socket = new FakeSocket({ allowHalfOpen: true })
  new H1ServerSession(socket.asSocket, { kind: 'application' }, 80, host)
  await deliver(wire, socket)
  if (connect !== undefined && refused === undefined) requests.push(understood(connect, ''))
  const closed = refused === undefined && (socket.finished || socket.destroyed)
  socket.destroy()
  return { requests, refused, closed }
}

function begin(x: Exchange, requests: Understood[]): void {
  let body = ''
  const whole = (): void => {
    requests.push(understood(x, body))
    x.reply(ownHead(200, 'OK', [], 0), Buffer.alloc(0))
  }
  if (x.request.body.kind === 'none') whole()
  else {
    x.body.attach({
      data: chunk => {
        body += chunk.toString('latin1')
        return true
      },
      end: whole,
      reset: () => undefined,
    })
  }
}

function understood({ request: { method, target, headers } }: Exchange, body: string): Understood {
  const fields: [string, string][] = []
  headers.forEach((name, value) => void fields.push([name.toLowerCase(), value]))
  return { method, target, fields, body }
}

/** Where the request of that index begins, as our codec reads them. */
export function beginningOf(bytes: Buffer, index: number): number {
  const scanner = new HeadScanner()
  const reader = new BodyReader({ onBodyData: () => undefined })
  let at = 0
  for (let n = 0; n < index; n++) {
    const after = scanner.scan(bytes, at)
    if (after < 0) return at
    const head = readRequestHead(scanner, bytes.toString('latin1', at, after))
    scanner.reset()
    if (!head.ok) return at
    reader.begin(head.value.body)
    at = reader.done ? after : reader.read(bytes, after)
  }
  return at
}
