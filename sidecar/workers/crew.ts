import type { FromWorker, ToWorker } from './messages.ts'

/** A question is given up after this: the worker stands still, and what it said last has to do. */
const ANSWER_MS = 2_000

/** What we need of a `Worker`. */
export interface WorkerThread {
  postMessage(message: ToWorker): void
  on(event: 'message', heard: (message: FromWorker) => void): unknown
  on(event: 'error', failed: (error: Error) => void): unknown
  on(event: 'exit', ended: (code: number) => void): unknown
  terminate(): Promise<unknown>
}

export interface CrewOptions {
  readonly threads: readonly WorkerThread[]
  heard(message: Exclude<FromWorker, { kind: 'answer' }>, worker: number): void
  /** One has ended without having been asked to. The sidecar can't go on: a part of its traffic would be carried by nobody. */
  died(worker: number, why: Error): void
}

/** All workers of a sidecar, as its main thread speaks to them. */
export interface Crew<Questions> {
  readonly size: number
  /** Resolves with `undefined` where no answer came in time. */
  ask<Name extends keyof Questions & string>(
    worker: number,
    question: Name,
    value: AskOf<Questions[Name]>,
    timeoutMs?: number,
  ): Promise<AnswerOf<Questions[Name]> | undefined>
  askAll<Name extends keyof Questions & string>(
    question: Name,
    value: AskOf<Questions[Name]>,
    timeoutMs?: number,
  ): Promise<(AnswerOf<Questions[Name]> | undefined)[]>
  /** Nobody waits for it. */
  tellAll<Name extends keyof Questions & string>(question: Name, value: AskOf<Questions[Name]>): void
  /** Ends the threads. Whatever waits for an answer gets none. */
  end(): Promise<void>
}

type AskOf<Question> = Question extends { readonly ask: infer Ask } ? Ask : never
type AnswerOf<Question> = Question extends { readonly answer: infer Answer } ? Answer : never

interface Waiting {
  readonly timer: NodeJS.Timeout | undefined
  readonly settle: (value: unknown) => void
}

export function startCrew<Questions>({ threads, heard, died }: CrewOptions): Crew<Questions> {
  const waiting = new Map<number, Waiting>()
  let lastId = 0
  let ending = false
  threads.forEach((thread, worker) => {
    const lost = (why: Error): void => {
      if (ending) return
      ending = true
      died(worker, why)
    }
    thread.on('message', message => {
      if (message.kind !== 'answer') heard(message, worker)
      else settle(message.id, message.value)
    })
    thread.on('error', lost)
    thread.on('exit', code => lost(new Error(`the thread ended by itself, with code ${code}`)))
  })

  function settle(id: number, value: unknown): void {
    const one = waiting.get(id)
    if (one === undefined) return
    waiting.delete(id)
    clearTimeout(one.timer)
    one.settle(value)
  }

  const ask: Crew<Questions>['ask'] = (worker, question, value, timeoutMs = ANSWER_MS) =>
    new Promise(resolve => {
      const id = ++lastId
      const timer = Number.isFinite(timeoutMs) ? setTimeout(() => settle(id, undefined), timeoutMs) : undefined
      // What was asked comes back by the same name.
      waiting.set(id, { timer, settle: resolve as (value: unknown) => void })
      threads[worker]?.postMessage({ question, id, value })
    })

  return {
    size: threads.length,
    ask,
    askAll: (question, value, timeoutMs) =>
      Promise.all(threads.map((_, worker) => ask(worker, question, value, timeoutMs))),
    tellAll: (question, value) => {
      for (const thread of threads) thread.postMessage({ question, id: 0, value })
    },
    end: async () => {
      ending = true
      await Promise.all(threads.map(thread => thread.terminate()))
      for (const id of [...waiting.keys()]) settle(id, undefined)
    },
  }
}
