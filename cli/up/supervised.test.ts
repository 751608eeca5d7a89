import { describe, expect, test } from 'vitest'
import type { Child, Exit } from './launch.ts'
import { Supervised, type SupervisedOptions, type SupervisionWorld } from './supervised.ts'

/** Time that passes when the test says so. */
class FakeWorld implements SupervisionWorld {
  #now = 0
  #timers: { readonly at: number; readonly run: () => void }[] = []
  readonly clock = { nowMs: () => this.#now, wallMs: () => this.#now }

  after(ms: number, run: () => void) {
    const timer = { at: this.#now + ms, run }
    this.#timers.push(timer)
    const cancel = (): void => {
      this.#timers = this.#timers.filter(other => other !== timer)
    }
    return { cancel }
  }

  async pass(ms: number): Promise<void> {
    const end = this.#now + ms
    for (;;) {
      await settle()
      const next = this.#timers.toSorted((a, b) => a.at - b.at)[0]
      if (next === undefined || next.at > end) break
      this.#timers = this.#timers.filter(timer => timer !== next)
      this.#now = next.at
      next.run()
    }
    this.#now = end
    await settle()
  }
}

/** A process that lives until it is told, or makes up its mind, to end. */
class FakeChild implements Child {
  readonly pid: number
  readonly signals: string[] = []
  readonly #ready = Promise.withResolvers<unknown>()
  readonly #exited = Promise.withResolvers<Exit>()
  readonly ready = this.#ready.promise
  readonly exited = this.#exited.promise
  stubborn = false
  #alive = true

  constructor(pid: number) {
    this.pid = pid
  }

  becomeReady(): void {
    this.#ready.resolve({ pid: this.pid })
  }

  end(code: number): void {
    this.#alive = false
    this.#exited.resolve({ code, signal: null })
  }

  signal(name: 'SIGTERM' | 'SIGKILL'): void {
    this.signals.push(name)
    if (name === 'SIGKILL' || !this.stubborn) this.end(0)
  }

  alive(): boolean {
    return this.#alive
  }
}

function supervise(options: Partial<SupervisedOptions> = {}) {
  const world = new FakeWorld()
  const children: FakeChild[] = []
  const lines: string[] = []
  const supervised = new Supervised(
    {
      name: 'reviews',
      launch: async () => {
        const child = new FakeChild(children.length + 1)
        children.push(child)
        return child
      },
      tell: line => lines.push(line),
      ...options,
    },
    world,
  )
  return { world, children, lines, supervised }
}

async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve()
}

describe('a supervised process that dies', () => {
  test('is started again after a rest, and says so', async () => {
    const { world, children, lines, supervised } = supervise()
    void supervised.start()
    await settle()
    children[0]?.end(3)
    await world.pass(99)
    expect(supervised.phase).toBe('resting')
    await world.pass(1)
    expect(children).toHaveLength(2)
    expect(lines).toEqual(['reviews ended (exit status 3); it starts again in 100 ms'])
  })

  test('rests longer after each death in a row, and shortly again after a good life', async () => {
    const { world, children, lines, supervised } = supervise()
    void supervised.start()
    await settle()
    children[0]?.end(1)
    await world.pass(100)
    children[1]?.end(1)
    await world.pass(200)
    await world.pass(10_000)
    children[2]?.end(1)
    await settle()
    expect(lines.map(line => line.slice(line.lastIndexOf('in ')))).toEqual(['in 100 ms', 'in 200 ms', 'in 100 ms'])
  })

  test('takes what is left of its process group with it', async () => {
    const gone: number[] = []
    const { children, supervised } = supervise({ onGone: pid => gone.push(pid) })
    void supervised.start()
    await settle()
    children[0]?.end(1)
    await settle()
    expect(children[0]?.signals).toEqual(['SIGKILL'])
    expect(gone).toEqual([1])
  })

  test('is not started again where its end is the end', async () => {
    const exits: Exit[] = []
    const { world, children, supervised } = supervise({ onEnd: exit => exits.push(exit) })
    void supervised.start()
    await settle()
    children[0]?.end(7)
    await world.pass(10_000)
    expect(exits).toEqual([{ code: 7, signal: null }])
    expect(children).toHaveLength(1)
  })
})

describe('a supervised process that is started', () => {
  test('is ready when it says so, and counts as started however many tries it took', async () => {
    const { world, children, supervised } = supervise()
    let ready: unknown
    void supervised.start().then(facts => {
      ready = facts
    })
    await settle()
    children[0]?.end(1)
    await world.pass(100)
    children[1]?.becomeReady()
    await settle()
    expect(ready).toEqual({ pid: 2 })
  })

  test('fails to start when it must start and dies before it is ready', async () => {
    const { children, supervised } = supervise({ mustStart: true })
    const started = supervised.start()
    await settle()
    children[0]?.end(1)
    await expect(started).rejects.toThrow('reviews ended (exit status 1)')
  })

  test('is tried again when the system cannot start it', async () => {
    const { world, lines, supervised } = supervise({ launch: () => Promise.reject(new Error('spawn nope ENOENT')) })
    void supervised.start()
    await world.pass(100)
    expect(lines).toEqual([
      'reviews could not be started: spawn nope ENOENT; it starts again in 100 ms',
      'reviews could not be started: spawn nope ENOENT; it starts again in 200 ms',
    ])
  })
})

describe('a supervised process that is stopped', () => {
  test('is asked, and not started again', async () => {
    const { world, children, supervised } = supervise()
    void supervised.start()
    await settle()
    await supervised.stop(500)
    await world.pass(10_000)
    expect(children.map(child => child.signals)).toEqual([['SIGTERM']])
    expect(supervised.phase).toBe('stopped')
  })

  test('is killed when it does not end in its time', async () => {
    const { world, children, supervised } = supervise()
    void supervised.start()
    await settle()
    const child = children[0]
    if (child !== undefined) child.stubborn = true
    const stopped = supervised.stop(500)
    await world.pass(499)
    expect(child?.signals).toEqual(['SIGTERM'])
    await world.pass(1)
    await stopped
    expect(child?.signals).toEqual(['SIGTERM', 'SIGKILL'])
  })

  test('is killed at once when somebody loses patience', async () => {
    const { children, supervised } = supervise()
    void supervised.start()
    await settle()
    const child = children[0]
    if (child !== undefined) child.stubborn = true
    const stopped = supervised.stop(500)
    await settle()
    supervised.kill()
    await stopped
    expect(child?.signals).toEqual(['SIGTERM', 'SIGKILL'])
  })

  test('while it rests is not started again', async () => {
    const { world, children, supervised } = supervise()
    void supervised.start()
    await settle()
    children[0]?.end(1)
    await settle()
    await supervised.stop(500)
    await world.pass(10_000)
    expect(children).toHaveLength(1)
  })

  test('while it is being launched is ended as soon as it lives', async () => {
    const launched = Promise.withResolvers<Child>()
    const { supervised } = supervise({ launch: () => launched.promise })
    void supervised.start()
    const stopped = supervised.stop(500)
    const child = new FakeChild(1)
    launched.resolve(child)
    await stopped
    expect(child.signals).toEqual(['SIGTERM'])
  })
})
