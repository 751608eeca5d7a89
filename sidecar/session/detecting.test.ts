import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { FakeSocket, settled } from '../../test/fakes/socket.ts'
import { detect } from '../detect/mod.ts'
import { detecting, MYSQL } from './detecting.fixture.ts'
import { BOTH_SILENT_MS, FORSAKEN_MS, SERVER_FIRST_WAIT_MS, WORD_MS } from './detecting.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }))
afterEach(() => void vi.useRealTimers())

const HTTP = { authority: 'web:80', speaks: 'http' } as const
const GET = 'GET /x HTTP/1.1\r\nHost: a\r\n\r\n'
const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
/** The frame that each side of HTTP/2 begins with. */
const SETTINGS = '\0\0\0\x04\0\0\0\0\0'

async function pass(ms: number): Promise<void> {
  vi.advanceTimersByTime(ms)
  await settled()
}

async function trickle(socket: FakeSocket, text: string, pauseMs: number): Promise<void> {
  for (const byte of text) {
    await socket.receive(byte)
    await pass(pauseMs)
  }
}

describe('where nothing but HTTP is served', () => {
  test('the first byte of HTTP/1.1 decides, and nothing is connected in silence', async () => {
    const { accept, requests, fars, heard } = detecting()
    const socket = await accept(undefined)
    await pass(60_000)
    expect(fars).toEqual([])
    await socket.receive('G')
    await socket.receive(GET.slice(1))
    expect(requests[0]?.request).toMatchObject({ method: 'GET', target: '/x' })
    // There was nothing to find out.
    expect(heard).toEqual([])
  })

  test('HTTP/2 is told by its preface, however it is cut', async () => {
    for (let cut = 1; cut < PREFACE.length; cut++) {
      const { accept, door } = detecting()
      const socket = await accept(undefined)
      await socket.receive(PREFACE.slice(0, cut))
      await socket.receive(PREFACE.slice(cut) + SETTINGS)
      expect(socket.sent.slice(3, 4)).toBe('\x04')
      expect(door.sessionOf(socket.asSocket)?.phase).toBe('idle')
    }
  })

  test('a method that begins as the preface does is a method', async () => {
    const { accept, requests } = detecting()
    const socket = await accept(undefined)
    for (const byte of 'PRI /x HTTP/1.1\r\nHost: a\r\n\r\n') await socket.receive(byte)
    expect(requests[0]?.request.method).toBe('PRI')
  })

  test('what is anything else is refused, and nobody hears it', async () => {
    for (const opening of ['\x16\x03\x01\x02\0', '\0\0', '*1\r\n']) {
      const { accept, requests, fars, heard } = detecting()
      const socket = await accept(HTTP)
      await socket.receive(`${opening}\r\n\r\n`)
      expect([requests, fars]).toEqual([[], []])
      expect(heard).toEqual(['http1', 'refused 400'])
      expect(socket.finished).toBe(true)
    }
  })

  test('who stops in the preface is told so after ten seconds', async () => {
    const { accept, door, clock, heard } = detecting()
    const socket = await accept(undefined)
    await socket.receive('PRI')
    clock.nowMs = 10_001
    door.sweep()
    await settled()
    expect(socket.sent).toMatch(/^HTTP\/1\.1 408 /)
    expect(heard).toEqual(['refused 408'])
  })

  test('who ends within the preface, or without a word, has ended', async () => {
    for (const text of ['', 'PRI *']) {
      const { accept, door, heard } = detecting()
      const socket = await accept(undefined)
      await socket.receive(text)
      await socket.receiveEnd()
      await pass(1_000)
      expect(socket.destroyed).toBe(true)
      expect(door.connections).toBe(0)
      expect(heard).toEqual([])
    }
  })

  test('who says nothing is idle: closed after the idle time, and when all that idle are', async () => {
    const { accept, door, clock } = detecting()
    const first = await accept(undefined)
    const second = await accept(undefined)
    clock.nowMs = 300_001
    door.sweep()
    await settled()
    expect([first.destroyed, second.destroyed]).toEqual([true, true])
    const third = await accept(undefined)
    door.closeIdle()
    await settled()
    expect(third.destroyed).toBe(true)
    expect(door.connections).toBe(0)
  })
})

describe('where any bytes may come', () => {
  test('what HTTP says is routed as HTTP, and means the place that it is bound to', async () => {
    const { accept, requests, fars, heard } = detecting()
    const socket = await accept(MYSQL)
    await socket.receive('GET /x HTTP/1.0\r\n\r\n')
    expect(requests[0]?.request).toMatchObject({ target: '/x', authority: 'mysql:3306' })
    expect(fars).toEqual([])
    expect(heard).toEqual(['http1'])
    await pass(60_000)
    expect(fars).toEqual([])
  })

  test.each([
    ['\x16\x03\x01\x02\0', 'tls'],
    ['\0\x01', 'opaque'],
    ['EHLO there\r\n', 'opaque'],
    ['GET key\r\n', 'opaque'],
  ])('%j is passed as it is', async (opening, found) => {
    const { accept, far, heard } = detecting()
    const socket = await accept(MYSQL)
    await socket.receive(opening)
    expect(heard).toEqual([found])
    expect(far().x.request).toMatchObject({ method: 'CONNECT', target: 'mysql:3306', authority: 'mysql:3306' })
    expect(far().told).toEqual([])
    far().connect()
    expect(far().told).toEqual([opening])
    await socket.receive('more')
    far().near?.tunnelWrite(Buffer.from('answer'))
    await settled()
    expect(far().told).toEqual([opening, 'more'])
    expect(socket.sent).toBe('answer')
  })

  test('a word byte by byte is no silence: each pause may last longer than the wait for a server', async () => {
    const { accept, requests, fars } = detecting()
    const socket = await accept(MYSQL)
    await trickle(socket, 'PROPFIND /x HTTP/1.1\r\nHost: a\r\n\r\n', WORD_MS - 1)
    expect(requests[0]?.request.method).toBe('PROPFIND')
    expect(fars).toEqual([])
  })

  test('a word that ends is no word of HTTP', async () => {
    const { accept, far, heard } = detecting()
    const socket = await accept(MYSQL)
    await socket.receive('HELLO')
    await pass(WORD_MS - 1)
    expect(heard).toEqual([])
    await pass(1)
    expect(heard).toEqual(['opaque'])
    far().connect()
    expect(far().told).toEqual(['HELLO'])
  })

  test('a word that trickles for ever is one after ten seconds', async () => {
    const { accept, door, clock, heard } = detecting()
    const socket = await accept(MYSQL)
    for (let i = 0; i < 11; i++) {
      await socket.receive('A')
      clock.nowMs += 950
      vi.advanceTimersByTime(950)
      door.sweep()
    }
    expect(heard).toEqual(['opaque'])
  })

  test('who ends its half within a word has said it', async () => {
    const { accept, far, heard } = detecting()
    const socket = await accept(MYSQL)
    await socket.receive('HI')
    await socket.receiveEnd()
    expect(heard).toEqual(['opaque'])
    far().connect()
    expect(far().told).toEqual(['HI', '<end>'])
  })

  test('who ends its half at once may still hear its server', async () => {
    const { accept, far, heard } = detecting()
    const socket = await accept(MYSQL)
    await socket.receiveEnd()
    expect(heard).toEqual(['undecided'])
    far().connect()
    far().near?.tunnelWrite(Buffer.from('the time is ...'))
    far().near?.tunnelEnd()
    await settled()
    expect(far().told).toEqual(['<end>', '<closed>'])
    expect(socket.sent).toBe('the time is ...')
  })

  test('who breaks off before a word costs nothing', async () => {
    const { accept, fars, door } = detecting()
    const socket = await accept(MYSQL)
    await socket.receiveReset()
    await pass(60_000)
    expect(fars).toEqual([])
    expect(door.connections).toBe(0)
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('a caller that is silent', () => {
  async function silent(wish = detecting()) {
    const socket = await wish.accept(MYSQL)
    await pass(SERVER_FIRST_WAIT_MS)
    return { ...wish, socket }
  }

  test('for fifty milliseconds, and not for less, is connected on trial', async () => {
    const wish = detecting()
    await wish.accept(MYSQL)
    await pass(SERVER_FIRST_WAIT_MS - 1)
    expect(wish.fars).toEqual([])
    await pass(1)
    expect(wish.fars.length).toBe(1)
    expect(wish.heard).toEqual([])
  })

  test('hears its server, which is remembered, and has its callers connected at once from then on', async () => {
    const wish = await silent()
    const { socket, far, heard, known, accept, fars } = wish
    far().connect()
    expect(far().near?.tunnelWrite(Buffer.from('220 mail\r\n'))).toBe(true)
    await settled()
    expect(heard).toEqual(['server-first'])
    expect(socket.sent).toBe('220 mail\r\n')
    expect(known.has('mysql:3306')).toBe(true)
    await socket.receive('EHLO me\r\n')
    expect(far().told).toEqual(['EHLO me\r\n'])
    await accept(MYSQL)
    expect(fars.length).toBe(2)
  })

  test('and says HTTP in the end is routed as HTTP; the trial is closed in order, and stands for nothing', async () => {
    for (const connected of [true, false]) {
      const { socket, far, heard, requests, known } = await silent()
      if (connected) far().connect()
      await socket.receive(GET)
      expect(requests.length).toBe(1)
      expect(heard).toEqual(['http1'])
      expect(far().told).toEqual(connected ? ['<end>', '<closed>'] : ['<cancelled>'])
      expect(far().x).toMatchObject({ progress: 'ended', moot: 'withdrawn' })
      expect(known.has('mysql:3306')).toBe(false)
      // Nothing of the trial reaches a caller of HTTP.
      far().near?.tunnelWrite(Buffer.from('late'))
      await settled()
      expect(socket.sent).toBe('')
    }
  })

  test('and says HTTP/2 in the end is heard as such', async () => {
    const { socket, heard, far } = await silent()
    far().connect()
    await socket.receive(PREFACE + SETTINGS)
    expect(heard).toEqual(['http2'])
    expect(far().told).toEqual(['<end>', '<closed>'])
  })

  test('and says other bytes in the end has them passed on the connection that was tried', async () => {
    for (const early of [true, false]) {
      const { socket, far, fars, heard, known } = await silent()
      if (early) far().connect()
      await socket.receive('\0one')
      if (!early) far().connect()
      expect(far().told).toEqual(['\0one'])
      expect(fars.length).toBe(1)
      expect(heard).toEqual(['opaque'])
      // Its server has not spoken first.
      expect(known.has('mysql:3306')).toBe(false)
    }
  })

  test('and has begun a word when its server speaks has said that word to it', async () => {
    const { socket, far, heard, known } = await silent()
    far().connect()
    await socket.receive('USER')
    far().near?.tunnelWrite(Buffer.from('220 ftp\r\n'))
    await settled()
    expect(heard).toEqual(['server-first'])
    expect(far().told).toEqual(['USER'])
    expect(socket.sent).toBe('220 ftp\r\n')
    expect(known.has('mysql:3306')).toBe(false)
  })

  test.each(['HTTP/1.1 408 Request Timeout\r\n\r\n', SETTINGS])(
    'whose server is one of HTTP (%j) stays undecided, and is not connected again',
    async opening => {
      const { socket, far, fars, heard, known, requests } = await silent()
      far().connect()
      expect(far().near?.tunnelWrite(Buffer.from(opening, 'latin1'))).toBe(true)
      expect(far().told).toEqual(['<end>', '<closed>'])
      expect([heard, socket.sent, known.has('mysql:3306')]).toEqual([[], '', false])
      await pass(3_600_000)
      expect(fars.length).toBe(1)
      await socket.receive(GET)
      expect(requests.length).toBe(1)
    },
  )

  test('and whose server is silent keeps no connection for longer than half a minute', async () => {
    const { socket, far, fars, requests } = await silent()
    far().connect()
    await pass(BOTH_SILENT_MS - 1)
    expect(far().told).toEqual([])
    await pass(1)
    expect(far().told).toEqual(['<end>', '<closed>'])
    expect(socket.destroyed).toBe(false)
    await pass(3_600_000)
    expect(fars.length).toBe(1)
    await socket.receive(GET)
    expect(requests.length).toBe(1)
  })

  test('where nobody answers is broken off after a second, as it would be without us', async () => {
    const { socket, far } = await silent()
    far().refuse()
    await pass(FORSAKEN_MS - 1)
    expect(socket.destroyed).toBe(false)
    await pass(1)
    expect(socket.brokenOff).toBe(true)
  })

  test('and says HTTP within that second is served', async () => {
    const { socket, far, requests } = await silent()
    far().refuse()
    await pass(FORSAKEN_MS - 1)
    await socket.receive(GET)
    await pass(60_000)
    expect(requests.length).toBe(1)
    expect(socket.destroyed).toBe(false)
  })

  test('and whose server goes without a word is ended likewise', async () => {
    for (const [go, brokenOff] of [
      ['tunnelEnd', false],
      ['tunnelClose', false],
      ['breakOff', true],
    ] as const) {
      const { socket, far } = await silent()
      far().connect()
      far().near?.[go]()
      await pass(FORSAKEN_MS - 1)
      expect(socket.destroyed).toBe(false)
      await pass(1)
      expect([socket.destroyed, socket.brokenOff]).toEqual([true, brokenOff])
    }
  })

  test('and goes away takes its trial with it', async () => {
    for (const connected of [true, false]) {
      const { socket, far, door } = await silent()
      if (connected) far().connect()
      await socket.receiveReset()
      expect(far().told).toEqual(connected ? ['<end>', '<closed>'] : ['<cancelled>'])
      expect(door.connections).toBe(0)
      expect(vi.getTimerCount()).toBe(0)
    }
  })

  test('of a server that was remembered, and speaks HTTP first, has it forgotten', async () => {
    const wish = detecting()
    wish.known.remember('mysql:3306')
    const socket = await wish.accept(MYSQL)
    expect(wish.fars.length).toBe(1)
    await socket.receive(GET)
    expect(wish.requests.length).toBe(1)
    expect(wish.known.has('mysql:3306')).toBe(false)
  })
})

describe('a silent caller of a port where mTLS is meant as well', () => {
  async function accepted() {
    const wish = detecting()
    const given: string[] = []
    const socket = new FakeSocket({ allowHalfOpen: true })
    wish.door.accept({
      ...{
        socket: socket.asSocket,
        caller: { kind: 'unauthenticated', why: 'plaintext' },
        port: 3306,
        reads: undefined,
      },
      bound: MYSQL,
      secure: read => void given.push(read.toString('latin1')),
    })
    await settled()
    return { ...wish, socket, given }
  }

  test('is connected at once: it has been silent before', async () => {
    const { fars, far, socket } = await accepted()
    expect(fars.length).toBe(1)
    far().connect()
    far().near?.tunnelWrite(Buffer.from('5.7.1'))
    await settled()
    expect(socket.sent).toBe('5.7.1')
  })

  test('is given back with what it said where that is TLS, and nothing of it stays', async () => {
    const { far, socket, given, door, heard } = await accepted()
    far().connect()
    await socket.receive('\x16\x03\x01')
    expect(given).toEqual(['\x16\x03\x01'])
    expect([far().told, heard, door.connections, socket.destroyed]).toEqual([['<end>', '<closed>'], [], 0, false])
    expect(vi.getTimerCount()).toBe(0)
  })
})

test('what is declared to be bytes is not looked at, and connected at once', async () => {
  const { accept, far, heard, requests } = detecting()
  const socket = await accept({ authority: 'db:1', speaks: 'bytes' }, GET)
  far().connect()
  await socket.receive('more')
  expect(far().told).toEqual([GET, 'more'])
  expect([heard, requests]).toEqual([[], []])
})

test('bytes that were read before are looked at as all others', async () => {
  const { accept, requests } = detecting()
  const socket = await accept(MYSQL, 'GET /x HT')
  await socket.receive('TP/1.1\r\nHost: a\r\n\r\n')
  expect(requests.length).toBe(1)
})

test('an exception in what begins an exchange costs that connection', async () => {
  const { accept, heard, door } = detecting()
  Object.assign(door, {
    begin: () => {
      throw new Error('ours')
    },
  })
  const socket = await accept(MYSQL)
  await socket.receive('\0')
  expect(heard).toEqual(['opaque', 'broken ours'])
  expect(socket.destroyed).toBe(true)
  expect(door.connections).toBe(0)
})

test('whatever comes, and however it is cut, comes whole to who is to have it', async () => {
  const opening = fc.constantFrom('', 'GET /', 'GET http:/', 'PRI * HTTP', 'HELO', '\r\n', '\x16\x03', '\0', 'P')
  const rest = fc.string({ unit: fc.constantFrom(...'PRI * /GEThtps:\r\n\0\x16x'), maxLength: 60 })
  await fc.assert(
    fc.asyncProperty(opening, rest, fc.array(fc.nat(60), { maxLength: 6 }), async (start, end, cuts) => {
      const text = start + end
      const { accept, fars, heard } = detecting()
      const socket = await accept(MYSQL)
      let from = 0
      for (const cut of [...new Set(cuts), text.length].sort((a, b) => a - b)) {
        const to = Math.min(cut, text.length)
        if (to > from) await socket.receive(text.slice(from, to))
        from = to
      }
      const found = detect(Buffer.from(text, 'latin1'))
      if (found === 'undecided') {
        expect([heard, fars]).toEqual([[], []])
        if (text === '') return
        await pass(WORD_MS)
      } else expect(heard[0]).toBe(found)
      if (found === 'http1' || found === 'http2') {
        expect(fars).toEqual([])
        return
      }
      fars[0]?.connect()
      await settled()
      expect(fars[0]?.told.join('')).toBe(text)
      expect(fars.length).toBe(1)
    }),
    { numRuns: 300 },
  )
})
