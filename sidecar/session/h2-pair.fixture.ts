import { FakeSocket, settled } from '../../test/fakes/socket.ts'
import { ServerFirst } from '../detect/mod.ts'
import { type Exchange, Headers, NO_BODY, type RequestHead, type ResponseHead } from '../http/mod.ts'
import { Turn } from '../transport/mod.ts'
import type { ClientEvents } from './client.ts'
import { H2ClientSession } from './h2-client.ts'
import { H2ServerSession } from './h2-server.ts'
import type { ServerHost } from './server-host.ts'

// The two ends of HTTP/2 with each other, without a network; time is the test's.

export const GET: RequestHead = {
  method: 'GET',
  target: '/',
  authority: 'a',
  headers: Headers.of([
    ['Host', 'a'],
    ['X-Own', 'yes'],
  ]),
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

/** What was heard of an answer, in words. */
export class Asker implements ClientEvents {
  readonly heard: string[] = []
  onInform(head: ResponseHead): void {
    this.heard.push(`inform ${head.status}`)
  }
  onHead(head: ResponseHead): void {
    this.heard.push(`head ${head.status}`)
  }
  onSwitch(): undefined {
    this.heard.push('switch')
  }
  onData(chunk: Buffer): boolean {
    this.heard.push(`data ${chunk.toString('latin1')}`)
    return true
  }
  onEnd(): void {
    this.heard.push('end')
  }
  onFailure(kind: string, _detail: string, bytesSeen: boolean): void {
    this.heard.push(`failed: ${kind}${bytesSeen ? ', some had come' : ''}`)
  }
  onDrain(): void {}
}

export function ends() {
  const clock = { nowMs: 1_000 }
  const turn = new Turn(() => clock.nowMs)
  const [near, far] = [new FakeSocket({ allowHalfOpen: true }), new FakeSocket({ allowHalfOpen: true })]
  const state = { clientClosed: 0, serverClosed: 0, draining: false, refusedFurther: 0 }
  const begun: Exchange[] = []
  const host: ServerHost = {
    turn,
    serverFirst: new ServerFirst(() => clock.nowMs),
    begin: x => void begun.push(x),
    connect: () => {},
    accept: () => {},
    refused: () => {},
    detected: () => {},
    broken: error => {
      throw error
    },
    opened: () => {},
    closed: () => void state.serverClosed++,
    draining: () => state.draining,
  }
  const owner = {
    streamEnded: () => {},
    streamsRefused: () => void state.refusedFurther++,
    closed: () => void state.clientClosed++,
    broken: (error: unknown) => {
      throw error
    },
  }
  const server = new H2ServerSession(far.asSocket, { kind: 'application' }, 0, host)
  const client = new H2ClientSession(near.asSocket, owner, turn)
  /** Carries bytes to and fro until none are left. */
  async function exchange(): Promise<void> {
    for (;;) {
      await settled()
      const [up, down] = [near.takeSent(), far.takeSent()]
      if (up === '' && down === '') break
      if (up !== '' && !far.destroyed) await far.receive(up)
      if (down !== '' && !near.destroyed) await near.receive(down)
    }
    if (near.finished && !far.destroyed) await far.receiveEnd()
    if (far.finished && !near.destroyed) await near.receiveEnd()
  }
  async function asked(head = GET): Promise<Asker> {
    const asker = new Asker()
    client.open().send(head, asker)
    await exchange()
    return asker
  }
  return { clock, near, far, state, begun, server, client, exchange, asked }
}

/** Types and flags of the frames in what has left, one behind the other. */
export function framesOf(sent: string): { readonly type: number; readonly flags: number; readonly payload: string }[] {
  const frames = []
  for (let at = 0; at < sent.length; ) {
    const bytes = (sent.charCodeAt(at) << 16) | (sent.charCodeAt(at + 1) << 8) | sent.charCodeAt(at + 2)
    const payload = sent.slice(at + 9, at + 9 + bytes)
    frames.push({ type: sent.charCodeAt(at + 3), flags: sent.charCodeAt(at + 4), payload })
    at += 9 + bytes
  }
  return frames
}
