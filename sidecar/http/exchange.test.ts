import { describe, expect, test } from 'vitest'
import type { Cause } from '../../common/mod.ts'
import {
  type AnswerSink,
  answerCause,
  Exchange,
  endBroken,
  type Filter,
  Headers,
  NO_BODY,
  ownHead,
  pathOf,
  queryOf,
  type RequestHead,
  Stack,
  type TunnelEnd,
  type TunnelNear,
} from './mod.ts'

const request = (method = 'GET', more: Partial<RequestHead> = {}): RequestHead => ({
  method,
  target: '/',
  authority: 'a',
  headers: Headers.empty(),
  body: NO_BODY,
  httpVersion: 1,
  grpc: false,
  minorVersion: 1,
  keepAlive: true,
  expectContinue: false,
  upgrade: undefined,
  hasMeshFields: false,
  traceparent: undefined,
  ...more,
})

/** Notes what reaches the caller's side, and what filters hear. */
function recorded(method?: string, more?: Partial<RequestHead>) {
  const heard: string[] = []
  const sink: AnswerSink = {
    inform: head => void heard.push(`inform ${head.status}`),
    head: head => void heard.push(`head ${head.status}`),
    data: chunk => {
      heard.push(`data ${chunk}`)
      return true
    },
    end: trailers => void heard.push(['end', trailers?.get('grpc-status')].filter(Boolean).join(' ')),
    reset: () => void heard.push('reset'),
    switchProtocols: head => {
      heard.push(`switch ${head.status}`)
      return {
        tunnelWrite: () => true,
        tunnelEnd: () => {},
        tunnelClose: () => {},
        breakOff: () => {},
        resume: () => {},
      }
    },
  }
  const body = { attach: () => {}, resume: () => {}, discard: () => {} }
  return { heard, x: new Exchange(request(method, more), body, sink, { kind: 'application' }, 80, 0) }
}

const noting = (heard: string[], name: string, more: Partial<Filter> = {}): Filter => ({
  name,
  request: () => {
    heard.push(`${name} in`)
    return 'next'
  },
  response: () => void heard.push(`${name} out`),
  end: () => void heard.push(`${name} ended`),
  ...more,
})
const rescuing: Partial<Filter> = { rescue: (x, cause, detail) => answerCause(x, 503, 'x', cause, detail) }
const head = ownHead(200, 'OK', [], 0)

describe('the end of an exchange in which something has thrown', () => {
  const ours = new Error('ours')
  const throwing = (): never => {
    throw ours
  }

  test('is an answer that names the cause', () => {
    const { x, heard } = recorded()
    const broken: unknown[] = []
    new Stack([noting(heard, 'a', rescuing)], () => {}).begin(x)
    endBroken(x, ours, error => void broken.push(error))
    expect(heard).toEqual(['a in', 'a out', 'head 503', expect.stringContaining('data selvedge'), 'end', 'a ended'])
    expect(broken).toEqual([ours])
  })

  test('is the end of its connection where the answer throws too, and once', () => {
    const { x, heard } = recorded()
    const broken: unknown[] = []
    new Stack([{ name: 'bad', rescue: throwing }], () => {}).begin(x)
    endBroken(x, 'first', error => void broken.push(error))
    x.breakOff()
    expect(heard).toEqual(['reset'])
    expect(broken).toEqual(['first', ours])
    expect(x.progress).toBe('ended')
  })
})

describe('an exchange', () => {
  test('keeps the order: one head, then the body, then one end', () => {
    const { x, heard } = recorded()
    expect(x.data(Buffer.from('early'))).toBe(true)
    x.end(undefined)
    x.inform(ownHead(103, 'Early Hints', [], 0))
    x.respond(head)
    x.respond(head)
    x.inform(ownHead(103, 'Early Hints', [], 0))
    x.data(Buffer.from('a'))
    x.end(undefined)
    x.end(undefined)
    x.data(Buffer.from('late'))
    x.fail('upstream-reset', '')
    expect(heard).toEqual(['inform 103', 'head 200', 'data a', 'end'])
    expect(x).toMatchObject({ status: 200, answerBytes: 1, progress: 'ended' })
  })

  test('that fails before its head is answered by the rescue, with the cause', () => {
    const { x, heard } = recorded()
    new Stack([noting(heard, 'rescue', rescuing)], () => x.fail('circuit-open', 'full')).begin(x)
    expect(heard).toEqual([
      'rescue in',
      'rescue out',
      'head 503',
      'data selvedge: circuit-open: full\n',
      'end',
      'rescue ended',
    ])
    expect(x.facts).toMatchObject({ cause: 'circuit-open', detail: 'full' })
  })

  test.each([
    ['upstream-reset', 14],
    ['request-timeout', 4],
    ['attempt-timeout', 4],
  ] as const)(
    'of gRPC that fails after its head, by %s, ends with status %i: of a reset a client would make a code of its own',
    (cause, code) => {
      const { x, heard } = recorded('POST', { grpc: true, httpVersion: 2 })
      x.respond(head)
      x.data(Buffer.from('x'))
      x.fail(cause, 'why')
      expect(heard).toEqual(['head 200', 'data x', `end ${code}`])
      expect(x).toMatchObject({ progress: 'ended', facts: { grpcStatus: code } })
    },
  )

  test('[FAULT-5] that fails after its head is broken off, never ended', () => {
    const { x, heard } = recorded()
    new Stack([noting(heard, 'rescue', rescuing)], () => x.respond(head)).begin(x)
    x.data(Buffer.from('half'))
    x.fail('upstream-reset', '')
    expect(heard.slice(-3)).toEqual(['data half', 'reset', 'rescue ended'])
    expect(heard).not.toContain('end')
  })

  test('whose caller has gone tells its carrier once, and answers nothing any more', () => {
    const { x, heard } = recorded()
    let cancelled = 0
    x.carrier = { cancel: () => void cancelled++, drained: () => {} }
    x.callerGone()
    x.callerGone()
    x.respond(head)
    x.fail('upstream-reset', '')
    expect(cancelled).toBe(1)
    expect(heard).toEqual([])
    expect(x.status).toBe(499)
  })

  test('to a HEAD gets the head of an answer of our own, with its length, and no body', () => {
    const { x, heard } = recorded('HEAD')
    x.reply(ownHead(404, 'Not Found', [['x', 'y']], 4), Buffer.from('text'))
    expect(heard).toEqual(['head 404', 'end'])
  })
})

test('an answer of our own names its cause and its length', () => {
  const { x } = recorded()
  const got: { status: number; fields: string; body: unknown }[] = []
  new Stack(
    [
      {
        name: 'look',
        response: (_x, { status, headers, body }) => void got.push({ status, fields: headers.toText(), body }),
      },
    ],
    () => answerCause(x, 503, 'Service Unavailable', 'overload', 'ä'),
  ).begin(x)
  const length = Buffer.byteLength('selvedge: overload: ä\n')
  const fields = `content-type: text/plain; charset=utf-8\r\nx-selvedge-cause: overload\r\ncontent-length: ${length}\r\n`
  expect(got).toEqual([{ status: 503, fields, body: { kind: 'length', length } }])
})

describe('a stack', () => {
  test('runs in order, unwinds in reverse, and ends in reverse', () => {
    const { x, heard } = recorded()
    new Stack([noting(heard, 'one'), noting(heard, 'two')], () => x.reply(head, Buffer.alloc(0))).begin(x)
    expect(heard).toEqual(['one in', 'two in', 'two out', 'one out', 'head 200', 'end', 'two ended', 'one ended'])
  })

  test('of which a filter answers asks nobody behind it', () => {
    const { x, heard } = recorded()
    const answering = noting(heard, 'two', {
      request: () => {
        x.reply(head, Buffer.alloc(0))
        return 'done'
      },
    })
    new Stack([noting(heard, 'one'), answering, noting(heard, 'three')], () => heard.push('carried')).begin(x)
    expect(heard).toEqual(['one in', 'two out', 'one out', 'head 200', 'end', 'two ended', 'one ended'])
  })

  test('goes on where a filter waited, unless the caller has gone meanwhile', () => {
    for (const gone of [false, true]) {
      const { x, heard } = recorded()
      const stack = new Stack([noting(heard, 'one', { request: () => 'wait' }), { name: 'bare' }], () =>
        heard.push('carried'),
      )
      stack.begin(x)
      if (gone) x.callerGone()
      stack.proceed(x)
      expect(heard).toEqual(gone ? ['one ended'] : ['carried'])
    }
  })

  test('has the innermost rescue that was entered turn a cause into an answer', () => {
    const { x } = recorded()
    const asked: string[] = []
    const named = (name: string): Filter => ({
      name,
      rescue: (_x, cause: Cause) => void asked.push(`${name} ${cause}`),
    })
    const failing: Filter = {
      name: 'failing',
      request: () => {
        x.fail('denied', '')
        return 'done'
      },
    }
    new Stack([named('outer'), named('inner'), failing, named('never')], () => {}).begin(x)
    expect(asked).toEqual(['inner denied'])
  })
})

test.each([
  ['/a?b=c?d', '/a', 'b=c?d'],
  ['/a', '/a', ''],
  ['/?', '/', ''],
  ['*', '*', ''],
])('the path and the query of %s', (target, path, query) => {
  expect([pathOf(target), queryOf(target)]).toEqual([path, query])
})

/** A CONNECT whose caller's side notes what it is told. */
function connecting(carry: (x: Exchange) => void) {
  const ended: (readonly [status: number, moot: string | undefined])[] = []
  const stack = new Stack([{ name: 'log', end: x => void ended.push([x.status, x.moot]) }], carry)
  const sent: string[] = []
  let far: TunnelEnd | undefined
  const near: TunnelNear = {
    tunnelWrite: chunk => sent.push(`${chunk}`) < 2,
    tunnelEnd: () => void sent.push('<end>'),
    tunnelClose: () => void sent.push('<close>'),
    breakOff: () => void sent.push('<broken>'),
    resume: () => void sent.push('<resume>'),
  }
  const sink: AnswerSink = {
    inform: () => void sent.push('inform'),
    head: () => void sent.push('head'),
    data: () => true,
    end: () => void sent.push('end'),
    reset: () => void sent.push('reset'),
    switchProtocols: (_head, end) => {
      sent.push('switch')
      far = end
      return near
    },
  }
  const body = { attach: () => {}, resume: () => {}, discard: () => {} }
  const target = { target: 'reviews:80', authority: 'reviews:80' }
  const x = new Exchange({ ...request('CONNECT'), ...target }, body, sink, { kind: 'application' }, 80, 0)
  stack.begin(x)
  return { x, sent, ended, far: () => far }
}

test('an exchange whose connection is handed over is over, without an answer of its own', () => {
  const { x, sent, ended } = connecting(each => each.handedOver())
  x.fail('draining', 'too late')
  expect(ended).toEqual([[200, 'handed-over']])
  expect(sent).toEqual([])
})

describe('an exchange that is nothing but bytes', () => {
  const OPENED = ownHead(200, 'OK', [], 0)

  function tunnelled() {
    const told: string[] = []
    let near: TunnelNear | undefined
    const all = connecting(each => {
      near = each.switchProtocols(OPENED, {
        data: chunk => told.push(`${chunk}`) < 2,
        end: () => void told.push('<end>'),
        closed: () => void told.push('<closed>'),
        drained: () => void told.push('<drained>'),
      })
    })
    return { ...all, told, near: near!, far: all.far()! }
  }

  test('lasts as long as they do, and counts them', () => {
    const { x, told, sent, near, far, ended } = tunnelled()
    expect([far.data(Buffer.from('abc')), far.data(Buffer.from('d'))]).toEqual([true, false])
    expect(near.tunnelWrite(Buffer.from('12345'))).toBe(false)
    far.drained()
    near.resume()
    near.tunnelEnd()
    far.end()
    expect([x.progress, ended]).toEqual(['answering', []])
    far.closed()
    far.closed()
    expect(told).toEqual(['abc', 'd', '<drained>', '<end>', '<closed>', '<closed>'])
    expect(sent).toEqual(['switch', '12345', '<resume>', '<end>'])
    expect(x).toMatchObject({ progress: 'ended', requestBytes: 4, answerBytes: 5 })
    expect(ended).toEqual([[200, undefined]])
  })

  test.each(['tunnelClose', 'breakOff'] as const)('is over with the far side: %s', how => {
    const { sent, near, far, ended } = tunnelled()
    near[how]()
    far.closed()
    expect(sent.at(-1)).toBe(how === 'breakOff' ? '<broken>' : '<close>')
    expect(ended).toEqual([[200, undefined]])
  })

  test('stands for nothing when it was begun on a guess that was wrong', () => {
    const waiting = connecting(() => {})
    let cancelled = 0
    waiting.x.carrier = { cancel: () => void cancelled++, drained: () => {} }
    waiting.x.withdraw()
    expect([cancelled, waiting.ended]).toEqual([1, [[499, 'withdrawn']]])
    const open = tunnelled()
    open.x.withdraw()
    open.far.closed()
    expect(open.ended).toEqual([[200, 'withdrawn']])
  })
})
