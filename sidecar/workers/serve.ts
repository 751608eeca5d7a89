import type { FromWorker, ToWorker } from './messages.ts'

/** What we need of a `MessagePort`. */
export interface ThreadPort {
  on(event: 'message', heard: (message: ToWorker) => void): unknown
  postMessage(message: FromWorker): void
}

type Question = { readonly ask: unknown; readonly answer: unknown }

/** What is done, and answered, for each question. Where the answer is nothing, that is what is done has been done. */
export type Answers<Questions extends Record<keyof Questions, Question>> = {
  readonly [Name in keyof Questions]: (
    value: Questions[Name]['ask'],
  ) => Questions[Name]['answer'] extends undefined
    ? unknown
    : Questions[Name]['answer'] | Promise<Questions[Name]['answer']>
}

/** In a worker: does what the main thread asks for, in order. What throws ends the thread, and with it the process. */
export function serve<Questions extends Record<keyof Questions, Question>>(
  port: ThreadPort,
  answers: Answers<Questions>,
): void {
  const byName = new Map(Object.entries<(value: never) => unknown>(answers))
  port.on('message', ({ question, id, value }) => {
    const answered = byName.get(question)?.(value as never)
    if (id === 0) return
    if (answered instanceof Promise) void answered.then(late => port.postMessage({ kind: 'answer', id, value: late }))
    else port.postMessage({ kind: 'answer', id, value: answered })
  })
}
