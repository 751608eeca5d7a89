import { describe, expect, test } from 'vitest'
import { FakeSocket, settled } from '../../test/fakes/socket.ts'
import { Headers, NO_BODY, type RequestHead, type TunnelEnd, type TunnelNear } from '../http/mod.ts'
import { Turn } from '../transport/mod.ts'
import type { ClientEvents } from './mod.ts'
import { RawClient } from './mod.ts'

const CONNECT: RequestHead = {
  ...{ method: 'CONNECT', target: 'db:1', authority: 'db:1', headers: Headers.empty(), body: NO_BODY },
  ...{ httpVersion: 1, grpc: false, minorVersion: 1, keepAlive: true, expectContinue: false, upgrade: undefined },
  ...{ hasMeshFields: false, traceparent: undefined },
}

function made(wanted = true) {
  const socket = new FakeSocket({ allowHalfOpen: true })
  const owned: string[] = []
  const near: string[] = []
  const state = { open: true, far: undefined as TunnelEnd | undefined, status: 0 }
  const owner = { closed: () => void owned.push('closed'), broken: (error: unknown) => void owned.push(`${error}`) }
  const client = new RawClient(socket.asSocket, owner, new Turn(() => 0))
  const end: TunnelNear = {
    tunnelWrite: chunk => {
      near.push(chunk.toString('latin1'))
      return state.open
    },
    tunnelEnd: () => void near.push('<end>'),
    tunnelClose: () => void near.push('<close>'),
    breakOff: () => void near.push('<broken>'),
    resume: () => void near.push('<resume>'),
  }
  const never = (): never => {
    throw new Error('never asked of bytes')
  }
  const events: ClientEvents = {
    ...{ onInform: never, onHead: never, onData: never, onEnd: never, onFailure: never, onDrain: never },
    onSwitch: (head, far) => {
      state.status = head.status
      state.far = far
      return wanted ? end : undefined
    },
  }
  return { socket, owned, near, state, client, events }
}

function tunnel() {
  const all = made()
  all.client.send(CONNECT, all.events)
  const { far } = all.state
  if (far === undefined) throw new Error('there is no tunnel')
  return { ...all, far }
}

describe('a connection for bytes', () => {
  test('is a tunnel as soon as it is asked for one, and only once', () => {
    const { client, events, state, socket } = made()
    expect([client.usable, client.reused]).toEqual([true, false])
    client.send(CONNECT, events)
    expect(state.status).toBe(200)
    expect(client.usable).toBe(false)
    // Nothing is said about it.
    expect(socket.sent).toBe('')
  })

  test('that nobody wants any more is closed', async () => {
    for (const leave of ['abandon', 'discardAnswer', 'giveBack'] as const) {
      const { client, socket, owned } = made()
      client[leave]()
      await settled()
      expect(socket.destroyed).toBe(true)
      expect(owned).toEqual(['closed'])
    }
    const { client, events, socket } = made(false)
    client.send(CONNECT, events)
    expect(socket.destroyed).toBe(true)
  })

  test('passes bytes both ways, each side paced by the other', async () => {
    const { far, near, socket, state } = tunnel()
    await socket.receive('hello')
    expect(far.data(Buffer.from('you'))).toBe(true)
    await settled()
    expect([near, socket.sent]).toEqual([['hello'], 'you'])
    state.open = false
    await socket.receive('more')
    expect(socket.isPaused()).toBe(true)
    far.drained()
    expect(socket.isPaused()).toBe(false)
    socket.stall()
    expect(far.data(Buffer.alloc(100_000))).toBe(false)
    await settled()
    await socket.unstall()
    expect(near).toEqual(['hello', 'more', '<resume>'])
  })

  test('ends its halves one by one', async () => {
    const { far, near, socket, owned } = tunnel()
    far.data(Buffer.from('bye'))
    far.end()
    await settled()
    expect([socket.sent, socket.finished, socket.destroyed]).toEqual(['bye', true, false])
    await socket.receive('bye bye')
    await socket.receiveEnd()
    expect(near).toEqual(['bye bye', '<end>'])
    expect(owned).toEqual(['closed'])
  })

  test('hears the rest of its caller after the endpoint has ended', async () => {
    const { far, near, socket } = tunnel()
    await socket.receiveEnd()
    expect([near, socket.destroyed]).toEqual([['<end>'], false])
    far.data(Buffer.from('still'))
    far.end()
    await settled()
    expect(socket.sent).toBe('still')
    expect(near).toEqual(['<end>'])
  })

  test.each([
    ['before either has ended', false, false],
    ['after the endpoint has ended', true, false],
    ['after the caller has ended', false, true],
  ])('that is reset %s breaks its caller off', async (_, endpointEnded, callerEnded) => {
    const { far, near, socket, owned } = tunnel()
    if (endpointEnded) await socket.receiveEnd()
    if (callerEnded) far.end()
    await settled()
    await socket.receiveReset()
    expect(near.at(-1)).toBe('<broken>')
    expect(owned).toEqual(['closed'])
  })

  test('whose caller has gone ends as its caller did', async () => {
    const inOrder = tunnel()
    inOrder.socket.stall()
    inOrder.far.data(Buffer.from('all that I had to say'))
    inOrder.far.end()
    inOrder.far.closed()
    await settled()
    expect(inOrder.socket.destroyed).toBe(false)
    await inOrder.socket.unstall()
    expect([inOrder.socket.sent, inOrder.socket.brokenOff]).toEqual(['all that I had to say', false])
    const broken = tunnel()
    broken.far.closed()
    await settled()
    expect(broken.socket.brokenOff).toBe(true)
    await settled()
    expect([inOrder.near, broken.near]).toEqual([[], []])
  })

  test('on which something of ours throws costs that tunnel, whose caller is broken off', async () => {
    const { socket, near, owned, events, client } = made()
    client.send(CONNECT, {
      ...events,
      onSwitch: (head, far) => {
        const end = events.onSwitch(head, far)
        return {
          ...end!,
          tunnelWrite: () => {
            throw new Error('ours')
          },
        }
      },
    })
    await socket.receive('x')
    expect(socket.destroyed).toBe(true)
    expect(near).toEqual(['<broken>'])
    expect(owned.sort()).toEqual(['Error: ours', 'closed'])
  })
})
