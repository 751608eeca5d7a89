import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { FromWorker, ToWorker } from './messages.ts'
import { type Answers, serve, startCrew, type ThreadPort, type WorkerThread } from './mod.ts'

interface Questions {
  double: { readonly ask: number; readonly answer: number }
  note: { readonly ask: string; readonly answer: undefined }
  slow: { readonly ask: undefined; readonly answer: string }
}

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** A thread that answers in this one, through the same two ends, and as late as a message is. */
class FakeThread implements WorkerThread {
  readonly notes: string[] = []
  terminated = false
  stuck = false
  readonly finishSlow: (() => void)[] = []
  private readonly listeners = new Map<string, (value: never) => void>()
  private heard: (message: ToWorker) => void = () => undefined

  constructor() {
    const port: ThreadPort = {
      on: (_event, heard) => {
        this.heard = heard
      },
      postMessage: message => this.say(message),
    }
    serve<Questions>(port, {
      double: n => n * 2,
      note: text => this.notes.push(text),
      slow: () => new Promise(resolve => this.finishSlow.push(() => resolve('at last'))),
    } satisfies Answers<Questions>)
  }

  postMessage(message: ToWorker): void {
    const copy = structuredClone(message)
    if (!this.stuck) queueMicrotask(() => this.heard(copy))
  }

  on(event: string, listener: (value: never) => void): void {
    this.listeners.set(event, listener)
  }

  say(message: FromWorker): void {
    const copy = structuredClone(message)
    queueMicrotask(() => this.listeners.get('message')?.(copy as never))
  }

  fails(error: Error): void {
    this.listeners.get('error')?.(error as never)
    this.listeners.get('exit')?.(1 as never)
  }

  ends(code: number): void {
    this.listeners.get('exit')?.(code as never)
  }

  async terminate(): Promise<void> {
    this.terminated = true
    this.ends(1)
  }
}

function crewOf(count: number) {
  const threads = Array.from({ length: count }, () => new FakeThread())
  const heard: [number, FromWorker][] = []
  const deaths: [number, string][] = []
  const crew = startCrew<Questions>({
    threads,
    heard: (message, worker) => void heard.push([worker, message]),
    died: (worker, why) => void deaths.push([worker, why.message]),
  })
  return { threads, heard, deaths, crew }
}

describe('a crew', () => {
  test('answers for each worker, in their order', async () => {
    const { crew } = crewOf(3)
    expect(await crew.ask(1, 'double', 21)).toBe(42)
    expect(await crew.askAll('double', 4)).toEqual([8, 8, 8])
  })

  test('is told things that nobody waits for', async () => {
    const { crew, threads } = crewOf(2)
    crew.tellAll('note', 'hear')
    await crew.askAll('double', 1)
    expect(threads.map(({ notes }) => notes)).toEqual([['hear'], ['hear']])
  })

  test('waits for one that takes its time, and does not wait for one that stands still', async () => {
    const { crew, threads } = crewOf(2)
    const asked = crew.askAll('slow', undefined)
    await vi.advanceTimersByTimeAsync(1_000)
    threads[0]?.finishSlow[0]?.()
    await vi.advanceTimersByTimeAsync(1_000)
    expect(await asked).toEqual(['at last', undefined])
    // What comes too late is nobody's.
    threads[1]?.finishSlow[0]?.()
    await vi.advanceTimersByTimeAsync(1)
    expect(await crew.ask(1, 'double', 2)).toBe(4)
  })

  test('waits as long as it takes where it is told to', async () => {
    const { crew, threads } = crewOf(1)
    let answer: string | undefined
    void crew.ask(0, 'slow', undefined, Number.POSITIVE_INFINITY).then(value => {
      answer = value
    })
    await vi.advanceTimersByTimeAsync(3_600_000)
    expect(answer).toBeUndefined()
    threads[0]?.finishSlow[0]?.()
    await vi.advanceTimersByTimeAsync(1)
    expect(answer).toBe('at last')
  })

  test('hears what workers say by themselves, and which of them said it', async () => {
    const { threads, heard, crew } = crewOf(2)
    threads[1]?.say({ kind: 'log', lines: 'a line\n' })
    await crew.askAll('double', 1)
    expect(heard).toEqual([[1, { kind: 'log', lines: 'a line\n' }]])
  })

  test('says once that one of them has died: by an exception, or by itself', () => {
    const first = crewOf(2)
    first.threads[1]?.fails(new Error('boom'))
    first.threads[0]?.ends(1)
    expect(first.deaths).toEqual([[1, 'boom']])
    const second = crewOf(2)
    second.threads[0]?.ends(0)
    expect(second.deaths).toEqual([[0, 'the thread ended by itself, with code 0']])
  })

  test('ends without a word of death, and lets nobody wait', async () => {
    const { crew, threads, deaths } = crewOf(2)
    const asked = crew.askAll('slow', undefined, Number.POSITIVE_INFINITY)
    await crew.end()
    expect(await asked).toEqual([undefined, undefined])
    expect(threads.every(({ terminated }) => terminated)).toBe(true)
    expect(deaths).toEqual([])
  })
})
