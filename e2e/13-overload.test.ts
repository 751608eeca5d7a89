import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, type TestContext, test } from 'vitest'
import { eventually, pause, yes } from './kit/eventually.ts'
import { type LoneSidecar, loneSidecar } from './kit/lone-sidecar.ts'
import { run } from './kit/program.ts'

/** What the application calls: it answers as soon as any byte has come, whatever that was. */
let application: Server
let target = ''
beforeAll(async () => {
  application = createServer(socket => {
    socket.on('error', () => undefined)
    socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok'))
  })
  await new Promise<void>(resolve => application.listen(0, '127.0.0.1', resolve))
  target = `127.0.0.1:${(application.address() as AddressInfo).port}`
})
afterAll(() => void application?.close())

/** One sidecar for one test, with its callers; they run side by side, since they mostly wait. */
async function started(test: TestContext, ...wish: Parameters<typeof loneSidecar>): Promise<LoneSidecar> {
  const alone = await loneSidecar(...wish)
  test.onTestFinished(async () => {
    for (const caller of callers) if (Object.values(alone.ports).includes(caller.port)) caller.end()
    await alone.close()
  })
  return alone
}

const callers = new Set<Caller>()

/** One connection to a door of the sidecar. */
class Caller {
  readonly port: number
  readonly socket: Socket
  received = ''
  closed = false

  constructor(port: number) {
    this.port = port
    callers.add(this)
    this.socket = connect(port, '127.0.0.1')
    this.socket.on('data', chunk => {
      this.received += chunk.toString('latin1')
    })
    this.socket.on('error', () => undefined)
    this.socket.on('close', () => {
      this.closed = true
    })
  }

  /** The answer to one request through the outbound door: its status and cause. */
  async request(rest = ''): Promise<string> {
    this.received = ''
    this.socket.write(`${rest === '' ? requestHead() : rest}\r\n`)
    await eventually('an answer, or the end', 5_000, () => yes(this.closed || /\r\n\r\n/.test(this.received)))
    const status = /^HTTP\/1\.1 ([0-9]{3})/.exec(this.received)?.[1] ?? 'closed'
    const cause = /x-selvedge-cause: (\S+)/i.exec(this.received)?.[1]
    return cause === undefined ? status : `${status} ${cause}`
  }

  end(): void {
    callers.delete(this)
    this.socket.destroy()
  }
}

function requestHead(): string {
  return `GET http://${target}/ HTTP/1.1\r\nHost: ${target}\r\n`
}

/** So many connections at once, after it is known which of them were taken. */
async function open(port: number, count: number): Promise<{ taken: Caller[]; refused: number }> {
  const all = Array.from({ length: count }, () => new Caller(port))
  let before = -1
  await eventually('what is refused is closed', 10_000, async () => {
    const closed = all.filter(caller => caller.closed).length
    const same = closed === before
    before = closed
    await pause(100)
    return yes(same && all.every(({ socket, closed: gone }) => gone || !socket.connecting))
  })
  const taken = all.filter(caller => !caller.closed)
  return { taken, refused: count - taken.length }
}

const REFUSED = (direction: string, reason: string) =>
  `selvedge_connections_refused_total{direction="${direction}",reason="${reason}"}`

/** The page of metrics is shown again for a while where it was dear to make, as the first one is. */
async function metricIs(alone: LoneSidecar, series: string, holds: (value: number) => boolean): Promise<void> {
  await eventually(series, 5_000, async () => yes(holds(await alone.metric(series))))
}

function messages(alone: LoneSidecar): string[] {
  return alone.log().map(({ msg }) => String(msg))
}

async function healthy(alone: LoneSidecar): Promise<void> {
  expect(await alone.page('/readyz')).toEqual({ status: 200, text: 'ready\n' })
  expect((await alone.page('/status', alone.ports.admin)).status).toBe(200)
  expect((await alone.page('/metrics', alone.ports.admin)).status).toBe(200)
}

describe.concurrent('[LOAD-2] a sidecar that may have 300 file descriptors', () => {
  test('takes as many callers as it can serve at once, closes the others, stays reachable, and recovers', async context => {
    const alone = await started(context, [], { descriptors: 300 })
    const { taken, refused } = await open(alone.ports.outbound, 150)
    // 300 less its own 64 and those of its pages, halved.
    expect([taken.length, refused]).toEqual([86, 64])
    await healthy(alone)
    await metricIs(alone, REFUSED('outbound', 'descriptors'), value => value === 64)
    expect(await alone.metric('process_max_fds')).toBe(300)
    expect(messages(alone).filter(text => text.startsWith('Cannot accept connections'))).toHaveLength(1)
    // Each of them finds a descriptor for its request, all at once.
    expect(new Set(await Promise.all(taken.map(caller => caller.request())))).toEqual(new Set(['200']))
    await healthy(alone)
    for (const caller of taken) caller.end()
    await eventually('a new caller is taken', 5_000, async () =>
      yes((await new Caller(alone.ports.outbound).request()) === '200'),
    )
    await eventually('it says so', 10_000, () => yes(messages(alone).includes('Connections are accepted again')))
  })

  test('that finds none at all refuses with a cause, lives, and recovers', async context => {
    const alone = await started(context, [], { descriptors: 300 })
    await healthy(alone)
    const { taken } = await open(alone.ports.outbound, 3)
    expect(await taken[0]?.request()).toBe('200')
    // Those in the middle of a head are not idle, which is what is closed first.
    for (const caller of taken) caller.socket.write(requestHead())
    // From outside, as another part of the process might: five are left, and callers for all of them.
    const { pid } = alone.program
    expect((await run(['prlimit', `--pid=${pid}`, `--nofile=${alone.firstFreeDescriptor() + 5}:300`])).code).toBe(0)
    const more = await open(alone.ports.outbound, 40)
    for (const caller of more.taken) caller.socket.write(requestHead())
    expect(more.refused).toBeGreaterThan(0)
    // To connect needs one, and to accept needs one: what comes is closed, not left waiting.
    expect(await taken[1]?.request('X-End: 1\r\n')).toBe('503 connect-failed')
    expect((await open(alone.ports.outbound, 3)).refused).toBe(3)
    await run(['prlimit', `--pid=${pid}`, '--nofile=300:300'])
    await eventually('a new caller is served', 5_000, async () =>
      yes((await new Caller(alone.ports.outbound).request()) === '200'),
    )
    await healthy(alone)
    expect(alone.program.pid).toBe(pid)
  })
})

describe.concurrent('[LOAD-2] the limit of connections', () => {
  test('holds for each door, and what is above it is closed and counted', async context => {
    const alone = await started(context, ['--connections-max', '10'])
    for (const direction of ['outbound', 'inbound'] as const) {
      const { taken, refused } = await open(alone.ports[direction], 15)
      expect([direction, taken.length, refused]).toEqual([direction, 10, 5])
      await metricIs(alone, REFUSED(direction, 'limit'), value => value >= 5)
      for (const caller of taken) caller.end()
      await eventually('there is room again', 5_000, async () => {
        const again = await open(alone.ports[direction], 10)
        for (const caller of again.taken) caller.end()
        return yes(again.refused === 0)
      })
    }
    await healthy(alone)
  })
})

describe.concurrent('[LOAD-3] a sidecar whose memory fills', () => {
  const HEAD_LINE = `X-Filler: ${'a'.repeat(1_000)}\r\n`

  test('takes no new connections at 92% and closes idle ones, answers 503 overload at 95%, and recovers', async context => {
    const probe = await loneSidecar([])
    await probe.page('/metrics')
    const idleBytes = probe.residentBytes()
    await probe.close()
    // Room for some 1,000 heads that do not end.
    const alone = await started(context, ['--memory-max', `${idleBytes + 64 * 1024 * 1024}B`])
    const ratio = () => alone.metric('selvedge_memory_used_ratio')
    const refuses = (what: string) => alone.metric(`selvedge_overload_state{refuses="${what}"}`)
    const attackers: Caller[] = []
    const attack = (count: number, lines: number) => {
      for (let i = 0; i < count; i++) {
        const caller = new Caller(alone.ports.outbound)
        caller.socket.write(requestHead() + HEAD_LINE.repeat(lines))
        attackers.push(caller)
      }
    }
    const idle = await open(alone.ports.outbound, 1)
    const [idleCaller] = idle.taken
    expect(await idleCaller?.request()).toBe('200')

    while ((await ratio()) < 0.85) {
      attack(100, 30)
      await pause(250)
    }
    while ((await refuses('connections')) === 0) {
      attack(20, 30)
      await pause(350)
    }
    await eventually('the idle connection is closed', 2_000, () => yes(idleCaller?.closed === true))
    const late = await open(alone.ports.outbound, 5)
    expect(late.refused).toBe(5)
    await metricIs(alone, REFUSED('outbound', 'memory'), value => value >= 5)
    await healthyUnless(alone, await refuses('requests'))

    const [victim, ...others] = attackers.filter(caller => !caller.closed).reverse()
    for (let at = 0; (await refuses('requests')) === 0 && at < others.length; at += 50) {
      for (const caller of others.slice(at, at + 50)) caller.socket.write(HEAD_LINE.repeat(30))
      await pause(100)
    }
    expect(await victim?.request('X-End: 1\r\n')).toBe('503 overload')
    const { status, text } = await alone.page('/readyz')
    expect([status, text]).toEqual([503, expect.stringMatching(/^overload: memory is full, [0-9]+ MiB of [0-9]+ MiB/)])
    expect((await alone.page('/status', alone.ports.admin)).status).toBe(200)
    const shed = (await alone.page('/metrics')).text.match(/^selvedge_requests_total\{.*cause="overload".*\} 1$/m)
    expect(shed).not.toBeNull()

    for (const caller of attackers) caller.end()
    await eventually('it takes callers again', 15_000, async () =>
      yes((await new Caller(alone.ports.outbound).request()) === '200'),
    )
    await healthy(alone)
    const said = messages(alone)
    expect(said).toContainEqual(expect.stringMatching(/^Cannot take requests: memory is full/))
    expect(said).toContainEqual(expect.stringMatching(/^Memory suffices again/))
  })

  /** Between 92% and 95% it is ready; a machine that is slow to be read may have gone past that. */
  async function healthyUnless(alone: LoneSidecar, full: number): Promise<void> {
    if (full === 0) expect((await alone.page('/readyz')).status).toBe(200)
  }
})

describe.concurrent('[LOAD-7] a sidecar whose event loop stands still', () => {
  test('shows it in a metric, is not ready, says so, and is ready again after ten better seconds', async context => {
    const alone = await started(context, [])
    const stalls = async () => {
      const { text } = await alone.page('/metrics')
      const within = (bound: string) => Number(text.split(`_delay_seconds_bucket{le="${bound}"} `)[1]?.split('\n')[0])
      return within('+Inf') - within('2.5')
    }
    await healthy(alone)
    expect(await stalls()).toBe(0)
    // Nothing runs in it, as in one that computes for so long.
    alone.program.signal('SIGSTOP')
    const health = alone.page('/healthz').then(({ status }) => status)
    expect(await Promise.race([health, pause(2_600).then(() => 'no answer')])).toBe('no answer')
    alone.program.signal('SIGCONT')
    expect(await health).toBe(200)
    const resumedMs = performance.now()
    await eventually('it knows', 1_000, async () => {
      const { status, text } = await alone.page('/readyz')
      return yes(status === 503 && /^overload: the event loop stood still for [0-9]+ ms of the last 10 s\n$/.test(text))
    })
    await eventually('the metric', 5_000, async () => yes((await stalls()) === 1))
    await eventually('it is ready again', 12_000, async () => yes((await alone.page('/readyz')).status === 200))
    expect(performance.now() - resumedMs).toBeGreaterThan(8_000)
    const said = messages(alone)
    expect(said.filter(text => text.startsWith('Cannot answer in time'))).toHaveLength(1)
    await eventually('it says so', 2_000, () => yes(messages(alone).includes('The event loop runs again')))
  })
})
