import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { settled } from '../../test/fakes/socket.ts'
import { type Exchange, ownHead, Stack } from '../http/mod.ts'
import { answer, answerText, chunkedHead, FakeSink, serve } from './h1-server.fixture.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }))
afterEach(() => void vi.useRealTimers())

const get = (path = '/', fields = '') => `GET ${path} HTTP/1.1\r\nHost: a\r\n${fields}\r\n`
const post = (body: string, fields = '') =>
  `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n${fields}\r\n${body}`
const CLOSE = 'connection: close\r\n'

describe('what is neither HTTP/1.1 nor the preface of HTTP/2', () => {
  test.each(['INVALID CONNECTION PREFACE\r\n\r\n', 'PRI SM HTTP2\r\n\r\n'])(
    '%j is closed without an answer',
    async text => {
      const { socket, heard } = await serve()
      await socket.receive(text)
      expect(heard).toContain('refused 400')
      expect([socket.sent, socket.writableEnded]).toEqual(['', true])
    },
  )

  test('but a request whose version is wrong is told so', async () => {
    const { socket } = await serve()
    await socket.receive('GET / HTTQ/1.1\r\nHost: a\r\n\r\n')
    expect(socket.sent).toContain('HTTP/1.1 400 Bad Request')
  })
})

describe('[H1-26] pipelined requests', () => {
  test('are answered in order, one after another', async () => {
    const { socket, exchanges } = await serve()
    await socket.receive(get('/1') + get('/2') + get('/3'))
    expect(exchanges.map(x => x.request.target)).toEqual(['/1'])
    for (const index of [0, 1, 2]) {
      answer(exchanges[index]!, `${index}`)
      await settled()
      expect(socket.takeSent()).toBe(answerText(`${index}`))
    }
    expect(exchanges.map(x => x.request.target)).toEqual(['/1', '/2', '/3'])
  })

  test('are answered when each answer is there at once', async () => {
    const { socket } = await serve(x => answer(x, x.request.target))
    await socket.receive(get('/1') + get('/2') + get('/3'))
    expect(socket.sent).toBe(['/1', '/2', '/3'].map(path => answerText(path)).join(''))
  })

  test('are answered behind a body whose end brings its answer', async () => {
    const { socket } = await serve(x => {
      const sink = new FakeSink()
      sink.end = () => answer(x, sink.heard.join(''))
      x.body.attach(sink)
      if (x.request.method === 'GET') sink.end()
    })
    await socket.receive(post('one') + post('two') + get())
    expect(socket.sent).toBe(answerText('one') + answerText('two') + answerText(''))
  })

  test('by the thousand are all answered, bodies and all, however they are cut', async () => {
    const { socket, exchanges } = await serve(x => {
      const sink = new FakeSink()
      sink.end = () => answer(x, sink.heard.join(''))
      if (x.request.method === 'GET') answer(x, x.request.target)
      else x.body.attach(sink)
    })
    const all = Array.from({ length: 2_000 }, (_, n) => (n % 3 === 0 ? post(`body ${n}`) : get(`/${n}`))).join('')
    for (let at = 0; at < all.length; at += 10_007) await socket.receive(all.slice(at, at + 10_007))
    await settled()
    expect(exchanges.length).toBe(2_000)
    const bodies = Array.from({ length: 2_000 }, (_, n) => answerText(n % 3 === 0 ? `body ${n}` : `/${n}`))
    expect(socket.sent).toBe(bodies.join(''))
  })

  test('are held within a bound: with more the caller is not read', async () => {
    const { socket, exchanges } = await serve()
    await socket.receive(get('/1'))
    const big = get('/2', `X: ${'x'.repeat(40_000)}\r\n`)
    await socket.receive(big)
    expect(socket.isPaused()).toBe(false)
    await socket.receive(big)
    expect(socket.isPaused()).toBe(true)
    exchanges[0]!.body.resume()
    expect(socket.isPaused()).toBe(true)
    answer(exchanges[0]!)
    await settled()
    expect(exchanges.length).toBe(2)
    expect(socket.isPaused()).toBe(false)
    answer(exchanges[1]!)
    await settled()
    expect(exchanges.length).toBe(3)
  })
})

test('a request that comes byte by byte is one request', async () => {
  const { socket, exchanges } = await serve()
  const sink = new FakeSink()
  for (const c of post('body')) await socket.receive(c)
  expect(exchanges.length).toBe(1)
  exchanges[0]!.body.attach(sink)
  await settled()
  expect(sink.heard.join('')).toBe('body<end>')
})

describe('refusing', () => {
  test.each([
    ['GET / HTTP/1.1\r\n\r\n', 400],
    ['GET / HTTP/2.0\r\nHost: a\r\n\r\n', 505],
    ['SSH-2.0-x\r\n', 400],
    ['GET /\r\n', 400],
    ['\x16\x03\x01', 400],
    [`GET /${'x'.repeat(70_000)}`, 414],
    [get('/', 'Expect: wonders\r\n'), 417],
  ])('%j closes, and nothing begins', async (text, status) => {
    const { socket, heard, exchanges } = await serve()
    await socket.receive(text)
    expect(exchanges).toEqual([])
    expect(socket.sent).toContain(`HTTP/1.1 ${status} `)
    expect(socket.sent).toContain(CLOSE)
    expect(socket.finished).toBe(true)
    expect(heard).toEqual(['opened', `refused ${status}`])
    await socket.receive(get())
    expect(exchanges).toEqual([])
  })

  test('what is refused behind a good request does not touch the answer before it', async () => {
    const { socket, last } = await serve()
    await socket.receive(`${get()}GET / HTTP/1.1\r\n\r\n`)
    answer(last())
    await settled()
    expect(socket.sent.startsWith(`${answerText()}HTTP/1.1 400 `)).toBe(true)
  })

  test('[H1-8] a broken body is answered with 400 where nothing has been, and its taker never sees an end', async () => {
    const { socket, last, heard } = await serve()
    await socket.receive('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n')
    const sink = new FakeSink()
    let cancelled = 0
    last().carrier = { cancel: () => void cancelled++, drained: () => {} }
    last().body.attach(sink)
    await socket.receive('1\r\naX')
    expect(sink.heard).toEqual(['a', '<reset>'])
    expect(cancelled).toBe(1)
    expect(socket.sent).toContain('HTTP/1.1 400 ')
    expect(heard).toContain('refused 400')
    expect(last()).toMatchObject({ progress: 'ended', status: 400 })
    await socket.receive('\r\n0\r\n\r\n')
    expect(sink.heard).toEqual(['a', '<reset>'])
  })

  test('a broken body breaks off an answer that is under way', async () => {
    const { socket, last } = await serve()
    await socket.receive('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n')
    last().respond(chunkedHead())
    last().data(Buffer.from('half'))
    await socket.receive('zzz')
    expect(socket.destroyed).toBe(true)
    expect(socket.sent).not.toContain('0\r\n\r\n')
    expect(last().progress).toBe('ended')
  })
})

describe('how an answer is delimited', () => {
  test('chunks to HTTP/1.1', async () => {
    const { socket, last } = await serve()
    await socket.receive(get())
    last().respond(chunkedHead())
    last().data(Buffer.from('hello'))
    last().data(Buffer.alloc(0))
    last().data(Buffer.alloc(10_000, 'x'))
    last().end(undefined)
    await settled()
    const body = `5\r\nhello\r\n2710\r\n${'x'.repeat(10_000)}\r\n0\r\n\r\n`
    expect(socket.sent).toBe(`HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${body}`)
    expect(socket.finished).toBe(false)
  })

  test('until the close to HTTP/1.0', async () => {
    const { socket, last } = await serve()
    await socket.receive('GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n')
    last().inform(ownHead(103, 'Early Hints', [], 0))
    last().respond(chunkedHead())
    last().data(Buffer.from('hello'))
    last().end(undefined)
    await settled()
    expect(socket.sent).toBe(`HTTP/1.1 200 OK\r\n${CLOSE}\r\nhello`)
    expect(socket.finished).toBe(true)
    expect(socket.brokenOff).toBe(false)
  })

  test('by its length to HTTP/1.0, which may be kept', async () => {
    const { socket, last } = await serve()
    await socket.receive('GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n')
    answer(last())
    await settled()
    expect(socket.sent).toBe(answerText('ok', 'connection: keep-alive\r\n'))
    expect(socket.finished).toBe(false)
  })

  test('no body to a HEAD, nor with 204 and 304', async () => {
    const { socket, last } = await serve()
    await socket.receive('HEAD / HTTP/1.1\r\nHost: a\r\n\r\n')
    last().reply(ownHead(200, 'OK', [], 4), Buffer.from('text'))
    await socket.receive(get())
    last().reply({ ...chunkedHead(), status: 204, body: { kind: 'none' } }, Buffer.alloc(0))
    await settled()
    expect(socket.sent).toBe('HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nHTTP/1.1 204 OK\r\n\r\n')
  })

  test('interim answers come before it', async () => {
    const { socket, last } = await serve()
    await socket.receive(get())
    last().inform({ ...chunkedHead(), status: 103, reason: 'Early Hints', body: { kind: 'none' } })
    answer(last())
    await settled()
    expect(socket.sent).toBe(`HTTP/1.1 103 Early Hints\r\n\r\n${answerText()}`)
  })
})

describe('keeping the connection', () => {
  test.each([
    [get('/', 'Connection: close\r\n'), true],
    [get('/', 'Connection: keep-alive\r\n'), false],
    ['GET / HTTP/1.0\r\n\r\n', true],
  ])('%j closes: %s', async (text, closes) => {
    const { socket, last } = await serve()
    await socket.receive(text)
    answer(last())
    await settled()
    expect(socket.sent).toBe(answerText('ok', closes ? CLOSE : ''))
    expect(socket.finished).toBe(closes)
  })

  test('while draining every answer asks to close', async () => {
    const { socket, last, state } = await serve()
    state.draining = true
    await socket.receive(get())
    answer(last())
    await settled()
    expect(socket.sent).toBe(answerText('ok', CLOSE))
    expect(socket.finished).toBe(true)
  })

  test('an answer before the whole body says that it closes, and does: the rest is never taken for a request', async () => {
    const { socket, last, exchanges } = await serve()
    await socket.receive('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n')
    answer(last())
    await settled()
    expect(socket.sent).toBe(answerText('ok', CLOSE))
    expect(socket.finished).toBe(true)
    await socket.receive(get())
    expect(exchanges.length).toBe(1)
  })

  test('[H1-20] a final answer instead of 100 Continue closes: whether a body follows can not be told', async () => {
    const { socket, exchanges } = await serve(x => answer(x))
    await socket.receive('POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n')
    expect(socket.sent).toBe(answerText('ok', CLOSE))
    await socket.receive(get())
    expect(exchanges.length).toBe(1)
  })

  test('a caller that is closed has a second to read, from when all has left', async () => {
    const { socket, last } = await serve()
    await socket.receive(get('/', 'Connection: close\r\n'))
    socket.stall()
    answer(last(), 'x'.repeat(100_000))
    await settled()
    vi.advanceTimersByTime(5_000)
    expect(socket.destroyed).toBe(false)
    await socket.unstall()
    expect(socket.finished).toBe(true)
    vi.advanceTimersByTime(999)
    expect(socket.destroyed).toBe(false)
    vi.advanceTimersByTime(1)
    expect(socket.destroyed).toBe(true)
    expect(socket.sent.length).toBeGreaterThan(100_000)
  })

  test('a caller that ends too leaves no timer behind', async () => {
    const { socket, last, heard } = await serve()
    await socket.receive(get('/', 'Connection: close\r\n'))
    answer(last())
    await settled()
    expect(vi.getTimerCount()).toBe(1)
    await socket.receiveEnd()
    expect(heard).toEqual(['opened', 'closed'])
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe("a request's body", () => {
  test('waits for its taker, and the caller is not read meanwhile', async () => {
    const { socket, last } = await serve()
    await socket.receive('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\nhalf')
    expect(socket.isPaused()).toBe(true)
    const sink = new FakeSink()
    last().body.attach(sink)
    expect(socket.isPaused()).toBe(false)
    await socket.receive('half')
    expect(sink.heard).toEqual(['half', 'half', '<end>'])
    expect(last().requestBytes).toBe(8)
  })

  test('is paused by a taker that has enough, and goes on when it says so', async () => {
    const { socket, last } = await serve()
    await socket.receive('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n')
    const sink = new FakeSink()
    last().body.attach(sink)
    sink.open = false
    await socket.receive('one')
    expect(socket.isPaused()).toBe(true)
    await socket.receive('two')
    expect(sink.heard).toEqual(['one'])
    last().body.resume()
    await settled()
    expect(sink.heard).toEqual(['one', 'two'])
  })

  test('is asked for by 100 Continue when somebody takes it, once', async () => {
    const { socket, last } = await serve()
    await socket.receive('POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n')
    expect(socket.sent).toBe('')
    last().body.attach(new FakeSink())
    await settled()
    expect(socket.takeSent()).toBe('HTTP/1.1 100 Continue\r\n\r\n')
    await socket.receive('hello')
    answer(last())
    await settled()
    expect(socket.sent).toBe(answerText())
  })

  test('that is already there is not asked for', async () => {
    const { socket, last } = await serve()
    await socket.receive(post('hello', 'Expect: 100-continue\r\n'))
    last().body.attach(new FakeSink())
    await settled()
    expect(socket.sent).toBe('')
  })

  test('[FAULT-5] that breaks off never looks whole', async () => {
    for (const how of ['receiveEnd', 'receiveReset'] as const) {
      const { socket, last } = await serve()
      await socket.receive('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\n')
      const sink = new FakeSink()
      last().body.attach(sink)
      await socket.receive('half')
      await socket[how]()
      expect(sink.heard).toEqual(['half', '<reset>'])
      expect(last().progress).toBe('ended')
      expect(socket.destroyed).toBe(true)
    }
  })

  test('that nobody wants is read and thrown away', async () => {
    const { socket, last } = await serve()
    await socket.receive('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\nhalf')
    last().body.discard()
    await socket.receive('half')
    answer(last())
    await settled()
    expect(socket.sent).toBe(answerText())
  })
})

describe('the answer', () => {
  test('waits for a slow reader, whose carrier is told when it reads again', async () => {
    const { socket, last } = await serve()
    await socket.receive(get())
    let drained = 0
    last().carrier = { cancel: () => {}, drained: () => void drained++ }
    last().respond(chunkedHead())
    socket.stall()
    expect(last().data(Buffer.alloc(200_000))).toBe(false)
    expect(drained).toBe(0)
    await socket.unstall()
    expect(drained).toBe(1)
    expect(last().data(Buffer.alloc(1))).toBe(true)
  })

  test('[FAULT-5] that breaks off is no end: chunks without the last one', async () => {
    const { socket, last } = await serve()
    await socket.receive(get())
    last().respond(chunkedHead())
    last().data(Buffer.from('half'))
    last().fail('upstream-reset', '')
    await settled()
    expect(socket.sent).toBe('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n')
    expect(socket).toMatchObject({ destroyed: true, finished: false })
  })

  test('[FAULT-5] that only the close delimits is reset when it breaks off, whoever breaks it', async () => {
    for (const breaking of ['carrier', 'sweep', 'exception'] as const) {
      const { socket, last, session } = await serve()
      await socket.receive('GET / HTTP/1.0\r\n\r\n')
      last().respond(chunkedHead())
      last().data(Buffer.from('half'))
      last().carrier = {
        cancel: () => {},
        drained: () => {
          throw new Error('ours')
        },
      }
      if (breaking === 'carrier') last().fail('upstream-reset', '')
      else if (breaking === 'sweep') session.destroy()
      else socket.emit('drain')
      await settled()
      expect(socket).toMatchObject({ brokenOff: true, finished: false })
    }
  })

  test('a caller that ends its half while it is answered has gone: whoever works for it is told', async () => {
    const { socket, last } = await serve()
    await socket.receive(get())
    let cancelled = 0
    last().carrier = { cancel: () => void cancelled++, drained: () => {} }
    await socket.receiveEnd()
    expect(socket.destroyed).toBe(true)
    expect(cancelled).toBe(1)
    expect(socket.sent).toBe('')
  })

  test('has nobody to go to when the caller is gone, and its carrier is told', async () => {
    const { socket, last, heard } = await serve()
    await socket.receive(get())
    let cancelled = 0
    last().carrier = { cancel: () => void cancelled++, drained: () => {} }
    await socket.receiveReset()
    expect(cancelled).toBe(1)
    expect(last()).toMatchObject({ progress: 'ended', status: 499 })
    answer(last())
    expect(heard).toEqual(['opened', 'closed'])
  })
})

describe('an exception of ours', () => {
  const throwing = () => {
    throw new Error('ours')
  }

  test('in the stack ends that session alone', async () => {
    const one = await serve(throwing)
    const other = await serve(x => answer(x))
    await one.socket.receive(get())
    await other.socket.receive(get())
    expect(one.heard).toEqual(['opened', 'broken ours', 'closed'])
    expect(one.socket.destroyed).toBe(true)
    expect(other.socket.sent).toBe(answerText())
  })

  test('in what is told of the end of an exchange is caught too', async () => {
    const { socket, heard } = await serve((x: Exchange) =>
      new Stack([{ name: 'bad', end: throwing }], () => {}).begin(x),
    )
    await socket.receive(get())
    await socket.receiveReset()
    expect(heard).toContain('broken ours')
  })

  test('in what is told of the end of an exchange neither keeps its connection counted nor what is done for it', async () => {
    let cancelled = 0
    const { socket, heard } = await serve((x: Exchange) => {
      x.carrier = { cancel: () => void cancelled++, drained: () => {} }
      new Stack([{ name: 'bad', end: throwing }], () => {}).begin(x)
    })
    await socket.receive(get())
    await socket.receiveReset()
    expect(heard).toEqual(['opened', 'closed', 'broken ours'])
    expect(cancelled).toBe(1)
  })

  test('for a pipelined request is caught too', async () => {
    const { socket, heard } = await serve(x => (x.request.target === '/2' ? throwing() : answer(x)))
    await socket.receive(get('/1') + get('/2'))
    expect(heard).toEqual(['opened', 'broken ours', 'closed'])
  })
})

describe('CONNECT', () => {
  const CONNECT = 'CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n'
  const OPEN = 'HTTP/1.1 200 Connection established\r\n\r\n'

  test('to a service: the connection is handed over, with what is known of it', async () => {
    const { socket, session, handed, heard } = await serve()
    await socket.receive(CONNECT)
    session.handOver({ authority: 'a:80', speaks: 'anything' })
    await settled()
    expect(socket.sent).toBe(OPEN)
    expect(handed).toMatchObject([{ socket, port: 80, bound: { authority: 'a:80', speaks: 'anything' } }])
    // Nothing of it is this session's any more.
    expect(session.phase).toBe('closing')
    socket.on('error', () => {})
    await socket.receive('GET ')
    await socket.receiveReset()
    expect(heard).toEqual(['opened'])
  })

  test('requests that name no host mean the one that the connection is bound to', async () => {
    const { socket, session, last } = await serve()
    session.authority = 'a:80'
    await socket.receive('GET /x HTTP/1.0\r\n\r\n')
    expect(last().request).toMatchObject({ target: '/x', authority: 'a:80' })
    expect(last().request.headers.get('host')).toBe('a:80')
    answer(last())
    await settled()
    expect(socket.sent).toBe(answerText('ok', CLOSE))
  })

  test('[H1-23] bytes before our answer close, with it in one piece or behind it', async () => {
    for (const pieces of [[CONNECT + get()], [CONNECT, get()]]) {
      const { socket, heard, exchanges } = await serve()
      for (const piece of pieces) await socket.receive(piece)
      expect(socket.sent).toContain('HTTP/1.1 400 ')
      expect(heard).toContain('refused 400')
      expect(exchanges.every(x => x.progress === 'ended')).toBe(true)
    }
  })

  test('[H1-23] where none is served: 405', async () => {
    const { socket, session } = await serve()
    await socket.receive(CONNECT)
    session.refuseConnect()
    await settled()
    expect(socket.sent).toContain('HTTP/1.1 405 ')
    expect(socket.finished).toBe(true)
  })

  test('to elsewhere: bytes pass as they are, each side paced by the other', async () => {
    const { socket, last, heard } = await serve()
    await socket.receive(CONNECT)
    const far: string[] = []
    let open = true
    const near = last().switchProtocols(ownHead(200, 'OK', [], 0), {
      data: chunk => {
        far.push(chunk.toString('latin1'))
        return open
      },
      end: () => void far.push('<end>'),
      closed: () => void far.push('<closed>'),
      drained: () => void far.push('<drained>'),
    })
    await socket.receive('\0anything')
    open = false
    await socket.receive('more')
    expect(socket.isPaused()).toBe(true)
    near?.resume()
    socket.stall()
    expect(near?.tunnelWrite(Buffer.alloc(100_000, 'x'))).toBe(false)
    await socket.unstall()
    expect(last().progress).toBe('answering')
    await socket.receiveEnd()
    near?.tunnelEnd()
    await settled()
    expect(far).toEqual(['\0anything', 'more', '<drained>', '<end>', '<closed>'])
    expect(socket.sent).toBe(OPEN + 'x'.repeat(100_000))
    expect(last()).toMatchObject({ progress: 'ended', requestBytes: 13, answerBytes: 100_000 })
    expect(heard).toEqual(['opened', 'opened', 'closed'])
  })
})

test('all that is written in one turn leaves in one piece', async () => {
  const { socket, last } = await serve()
  await socket.receive(get())
  last().respond(chunkedHead())
  for (const text of ['one', 'two', 'three']) last().data(Buffer.from(text))
  last().end(undefined)
  await settled()
  expect(socket.writes.length).toBe(1)
})
