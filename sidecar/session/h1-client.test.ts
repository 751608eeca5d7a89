import { describe, expect, test } from 'vitest'
import { FakeSocket, settled } from '../../test/fakes/socket.ts'
import { type BodyFraming, Headers, type RequestHead, type TunnelEnd, type TunnelNear } from '../http/mod.ts'
import { Turn } from '../transport/mod.ts'
import { type ClientEvents, type ClientOwner, H1ClientSession } from './mod.ts'

const request = (method = 'GET', body: BodyFraming = { kind: 'none' }): RequestHead => ({
  method,
  target: '/x',
  authority: 'a',
  headers: Headers.of([
    ['Host', 'a'],
    ...(body.kind === 'length' ? ([['Content-Length', String(body.length)]] as const) : []),
  ]),
  body,
  httpVersion: 1,
  grpc: false,
  minorVersion: 1,
  keepAlive: true,
  expectContinue: false,
  upgrade: undefined,
  hasMeshFields: false,
  traceparent: undefined,
})
const REQUEST = 'GET /x HTTP/1.1\r\nHost: a\r\n\r\n'

/** Notes all that it hears of one answer. */
class Asker implements ClientEvents {
  readonly heard: string[] = []
  open = true

  onInform({ status }: { readonly status: number }): void {
    this.heard.push(`inform ${status}`)
  }

  onHead({ status }: { readonly status: number }): void {
    this.heard.push(`head ${status}`)
  }

  /** What becomes of a 101; by default it is given up. */
  near: TunnelNear | undefined = undefined
  far: TunnelEnd | undefined = undefined

  onSwitch({ status }: { readonly status: number }, far: TunnelEnd): TunnelNear | undefined {
    this.heard.push(`switch ${status}`)
    this.far = far
    return this.near
  }

  onData(chunk: Buffer): boolean {
    this.heard.push(chunk.toString('latin1'))
    return this.open
  }

  onEnd(): void {
    this.heard.push('<end>')
  }

  onFailure(kind: string, _detail: string, bytesSeen: boolean): void {
    this.heard.push(`<${kind}${bytesSeen ? ', bytes seen' : ''}>`)
  }

  onDrain(): void {
    this.heard.push('<drain>')
  }
}

async function connected() {
  const socket = new FakeSocket({ allowHalfOpen: false })
  const owned: string[] = []
  const owner: ClientOwner = {
    released: () => void owned.push('released'),
    closed: () => void owned.push('closed'),
    broken: error => void owned.push(`broken ${error instanceof Error ? error.message : error}`),
  }
  const session = new H1ClientSession(socket.asSocket, owner, new Turn(() => 0))
  await socket.receive('')
  return { socket, session, owned }
}

/** A session with a request under way. */
async function asked(method = 'GET', body?: BodyFraming) {
  const made = await connected()
  const asker = new Asker()
  made.session.send(request(method, body), asker)
  await settled()
  return { ...made, asker }
}

describe('an answer', () => {
  test.each([
    ['of known length', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello', 'GET'],
    ['in chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n', 'GET'],
  ])('%s is heard in order, and its connection is free', async (_what, text, method) => {
    const { socket, session, owned, asker } = await asked(method)
    expect(socket.sent).toBe(REQUEST)
    expect(session.usable).toBe(false)
    await socket.receive(text)
    expect(asker.heard).toEqual(['head 200', 'hello', '<end>'])
    expect(owned).toEqual(['released'])
    expect(session).toMatchObject({ usable: true, reused: true })
  })

  test.each([
    ['HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n', 200],
    ['GET', 'HTTP/1.1 204 No Content\r\n\r\n', 204],
    ['GET', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n', 304],
    ['GET', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', 200],
  ])('to %s without a body ends with its head: %j', async (method, text, status) => {
    const { socket, owned, asker } = await asked(method)
    await socket.receive(text)
    expect(asker.heard).toEqual([`head ${status}`, '<end>'])
    expect(owned).toEqual(['released'])
  })

  test('comes byte by byte alike', async () => {
    const { socket, owned, asker } = await asked()
    for (const c of 'HTTP/1.1 103 x\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n')
      await socket.receive(c)
    expect(asker.heard).toEqual(['inform 103', 'head 200', 'h', 'i', '<end>'])
    expect(owned).toEqual(['released'])
  })

  test('until the close ends with it, and the connection too', async () => {
    const { socket, owned, asker } = await asked()
    await socket.receive('HTTP/1.1 200 OK\r\n\r\nall ')
    await socket.receive('of it')
    await socket.receiveEnd()
    expect(asker.heard).toEqual(['head 200', 'all ', 'of it', '<end>'])
    expect(owned).toEqual(['closed'])
  })

  test('[FAULT-5] until the close that is reset never looks whole', async () => {
    const { socket, asker } = await asked()
    await socket.receive('HTTP/1.1 200 OK\r\n\r\nhalf')
    await socket.receiveReset()
    expect(asker.heard).toEqual(['head 200', 'half', '<reset, bytes seen>'])
  })

  test.each([
    ['before its head', '', '<reset>'],
    ['in its head', 'HTTP/1.1 200', '<reset, bytes seen>'],
    ['in its body', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell', '<reset, bytes seen>'],
    [
      'before the last chunk',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n',
      '<reset, bytes seen>',
    ],
    ['after an interim one', 'HTTP/1.1 103 x\r\n\r\n', '<reset, bytes seen>'],
  ])('[FAULT-5] that breaks off %s fails once, however', async (_where, text, failure) => {
    for (const how of ['receiveEnd', 'receiveReset'] as const) {
      const { socket, asker, owned } = await asked()
      if (text !== '') await socket.receive(text)
      await socket[how]()
      expect(asker.heard.at(-1)).toBe(failure)
      expect(asker.heard.filter(each => each.startsWith('<'))).toEqual([failure])
      expect(owned).toEqual(['closed'])
    }
  })

  test.each([
    'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na',
    'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\na',
    'HTTP/1.1 200 OK\nX: y\r\n\r\n',
    'SSH-2.0-OpenSSH\r\n\r\n',
    'HTTP/2.0 200 OK\r\n\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz',
    'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n',
  ])('[H1-24] that is malformed is a protocol error, and closes: %j', async text => {
    const { socket, asker, owned } = await asked()
    await socket.receive(text)
    expect(asker.heard.at(-1)).toBe('<protocol-error, bytes seen>')
    expect(socket.destroyed).toBe(true)
    expect(owned).toEqual(['closed'])
  })

  test('[H1-25] eight interim answers pass, a ninth is one too many', async () => {
    const { socket, asker } = await asked()
    await socket.receive('HTTP/1.1 103 x\r\n\r\n'.repeat(8))
    expect(asker.heard).toEqual(Array.from({ length: 8 }, () => 'inform 103'))
    await socket.receive('HTTP/1.1 103 x\r\n\r\n')
    expect(asker.heard.at(-1)).toBe('<protocol-error, bytes seen>')
    expect(socket.destroyed).toBe(true)
  })

  test('100 Continue, for which we have not asked, tells the asker nothing', async () => {
    const { socket, asker } = await asked()
    await socket.receive('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
    expect(asker.heard).toEqual(['head 200', '<end>'])
  })

  test('waits for a slow asker', async () => {
    const { socket, session, asker } = await asked()
    asker.open = false
    await socket.receive('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello')
    expect(socket.isPaused()).toBe(true)
    await socket.receive('hello')
    expect(asker.heard).toEqual(['head 200', 'hello'])
    session.resume()
    await settled()
    expect(asker.heard).toEqual(['head 200', 'hello', 'hello', '<end>'])
    expect(socket.isPaused()).toBe(false)
  })
})

describe('a connection is not used again', () => {
  test.each([
    ['its answer says close', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'],
    ['its answer is of HTTP/1.0', 'HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n'],
    ['more came than the answer', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\n'],
    ['more came than the last chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nX'],
  ])('when %s', async (_why, text) => {
    const { socket, asker, owned } = await asked()
    await socket.receive(text)
    expect(asker.heard).toEqual(['head 200', '<end>'])
    expect(owned).toEqual(['closed'])
    expect(socket.destroyed).toBe(true)
  })

  test('when a body follows an answer to HEAD', async () => {
    const { socket, owned } = await asked('HEAD')
    await socket.receive('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello')
    expect(owned).toEqual(['closed'])
    expect(socket.destroyed).toBe(true)
  })

  test('when bytes come while nobody has asked', async () => {
    const { socket, session, owned } = await connected()
    await socket.receive('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
    expect(socket.destroyed).toBe(true)
    expect(session.usable).toBe(false)
    expect(owned).toEqual(['closed'])
  })

  test('when the far side ends it while nobody has asked', async () => {
    const { socket, session, owned } = await connected()
    await socket.receiveEnd()
    expect(session.usable).toBe(false)
    expect(socket.destroyed).toBe(true)
    expect(owned).toEqual(['closed'])
  })

  test('[H1-21] when the answer came before the request was whole', async () => {
    const { socket, session, asker, owned } = await asked('POST', { kind: 'length', length: 10 })
    session.write(Buffer.from('half'))
    await socket.receive('HTTP/1.1 413 x\r\nContent-Length: 0\r\n\r\n')
    expect(asker.heard).toEqual(['head 413', '<end>'])
    expect(owned).toEqual(['closed'])
    expect(socket.destroyed).toBe(true)
  })

  test('when it is retired: after its answer, or at once when it is free', async () => {
    const { socket, session, asker } = await asked()
    session.retire()
    expect(socket.destroyed).toBe(false)
    await socket.receive('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
    expect(asker.heard).toEqual(['head 200', '<end>'])
    expect(socket.destroyed).toBe(true)
    const idle = await connected()
    idle.session.retire()
    expect(idle.socket.destroyed).toBe(true)
  })

  test('when it is abandoned, and the asker hears nothing more', async () => {
    const { socket, session, asker, owned } = await asked()
    session.abandon()
    await settled()
    expect(asker.heard).toEqual([])
    expect(socket.destroyed).toBe(true)
    expect(owned).toEqual(['closed'])
  })
})

describe('a switch of protocols', () => {
  const SWITCHED = 'HTTP/1.1 101 x\r\nConnection: upgrade\r\nUpgrade: WebSocket\r\n\r\n'

  async function switching(answer: string) {
    const made = await connected()
    const asker = new Asker()
    const near: string[] = []
    asker.near = {
      tunnelWrite: chunk => near.push(chunk.toString('latin1')) < 3,
      tunnelEnd: () => void near.push('<end>'),
      tunnelClose: () => void near.push('<close>'),
      breakOff: () => void near.push('<break>'),
      resume: () => void near.push('<resume>'),
    }
    made.session.send({ ...request(), upgrade: 'websocket' }, asker)
    await settled()
    await made.socket.receive(answer)
    return { ...made, asker, near }
  }

  test('that was asked for makes a tunnel, which is no connection of the pool any more', async () => {
    const { socket, session, asker, near, owned } = await switching(`${SWITCHED}first`)
    expect(socket.takeSent()).toContain('\r\nconnection: upgrade\r\nupgrade: websocket\r\n')
    expect(asker.heard).toEqual(['switch 101'])
    expect(near).toEqual(['first'])
    expect(session.usable).toBe(false)
    asker.far?.data(Buffer.from('bytes'))
    await settled()
    expect(socket.sent).toBe('bytes')
    // The identity is renewed, the endpoint removed: a tunnel goes on.
    session.retire()
    expect(socket.destroyed).toBe(false)
    await socket.receive('second')
    await socket.receive('third')
    expect(socket.isPaused()).toBe(true)
    asker.far?.drained()
    await socket.receiveEnd()
    expect(near).toEqual(['first', 'second', 'third', '<close>'])
    expect(owned).toEqual(['closed'])
  })

  test('breaks for one side when it breaks for the other', async () => {
    const one = await switching(SWITCHED)
    await one.socket.receiveReset()
    expect(one.near).toEqual(['<break>'])
    const other = await switching(SWITCHED)
    other.asker.far?.closed()
    expect(other.socket.brokenOff).toBe(true)
  })

  test('ends for the endpoint in order when the caller has ended', async () => {
    const { socket, asker } = await switching(SWITCHED)
    asker.far?.data(Buffer.from('last words'))
    asker.far?.end()
    asker.far?.closed()
    await settled()
    expect(socket).toMatchObject({ finished: true, brokenOff: false })
    expect(socket.sent).toMatch(/last words$/)
  })

  test.each([
    ['to something else', SWITCHED.replace('WebSocket', 'other')],
    ['to nothing', 'HTTP/1.1 101 x\r\nConnection: upgrade\r\n\r\n'],
    ['that Connection does not name', 'HTTP/1.1 101 x\r\nUpgrade: websocket\r\n\r\n'],
  ])('[H1-22] %s is a protocol error', async (_what, answer) => {
    const { socket, asker } = await switching(answer)
    expect(asker.heard).toEqual(['<protocol-error, bytes seen>'])
    expect(socket.destroyed).toBe(true)
  })
})

describe("a request's body", () => {
  test('goes out as it is where its length is known', async () => {
    const { socket, session } = await asked('POST', { kind: 'length', length: 5 })
    session.write(Buffer.from('hello'))
    session.finish(undefined)
    await settled()
    expect(socket.sent).toBe('POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello')
  })

  test('goes out in chunks where it is not; an empty piece is not the last chunk', async () => {
    const { socket, session, asker, owned } = await asked('POST', { kind: 'chunked' })
    session.write(Buffer.alloc(0))
    session.write(Buffer.from('hello'))
    session.finish(undefined)
    session.finish(undefined)
    await settled()
    const head = 'POST /x HTTP/1.1\r\nHost: a\r\ntransfer-encoding: chunked\r\n\r\n'
    expect(socket.sent).toBe(`${head}5\r\nhello\r\n0\r\n\r\n`)
    await socket.receive('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
    expect(asker.heard).toEqual(['head 200', '<end>'])
    expect(owned).toEqual(['released'])
  })

  test('waits for a slow reader, and goes on when it reads', async () => {
    const { socket, session, asker } = await asked('POST', { kind: 'length', length: 200_000 })
    socket.stall()
    expect(session.write(Buffer.alloc(200_000))).toBe(false)
    await socket.unstall()
    expect(asker.heard).toEqual(['<drain>'])
  })
})

describe('an answer that nobody wants', () => {
  const HEAD = 'HTTP/1.1 503 x\r\nContent-Length: 1000000\r\n\r\n'

  test('is read to its end when that is short, for its connection', async () => {
    const { socket, session, asker, owned } = await asked()
    await socket.receive('HTTP/1.1 503 x\r\nContent-Length: 5\r\n\r\n')
    session.discardAnswer()
    await socket.receive('hello')
    expect(asker.heard).toEqual(['head 503'])
    expect(owned).toEqual(['released'])
    expect(session).toMatchObject({ usable: true, discarding: false })
  })

  test('costs its connection when it is long', async () => {
    const { socket, session, owned } = await asked()
    await socket.receive(HEAD)
    session.discardAnswer()
    await socket.receive(Buffer.alloc(64 * 1024))
    expect(socket.destroyed).toBe(false)
    await socket.receive('x')
    expect(socket.destroyed).toBe(true)
    expect(owned).toEqual(['closed'])
  })

  test('costs its connection when the request is not whole', async () => {
    const { socket, session } = await asked('POST', { kind: 'chunked' })
    await socket.receive(HEAD)
    session.discardAnswer()
    expect(socket.destroyed).toBe(true)
  })
})

describe('an exception of ours', () => {
  const throwing = () => {
    throw new Error('ours')
  }

  test.each(['onHead', 'onData', 'onEnd'] as const)('in %s ends the connection, and the asker is told', async where => {
    const { socket, asker, owned } = await asked()
    asker[where] = throwing
    await socket.receive('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello')
    expect(owned.filter(each => each !== 'released')).toEqual(['broken ours', 'closed'])
    expect(socket.destroyed).toBe(true)
    if (where !== 'onEnd') expect(asker.heard.at(-1)).toBe('<reset, bytes seen>')
  })

  test('in what hears of a failure does not keep the connection counted', async () => {
    const { socket, asker, owned } = await asked()
    asker.onFailure = throwing
    await socket.receiveReset()
    expect(owned).toEqual(['closed', 'broken ours'])
  })

  test('in onDrain is caught too', async () => {
    const { socket, session, asker, owned } = await asked('POST', { kind: 'chunked' })
    asker.onDrain = throwing
    socket.stall()
    session.write(Buffer.alloc(200_000))
    await socket.unstall()
    expect(owned).toEqual(['broken ours', 'closed'])
  })
})
