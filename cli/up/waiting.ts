import { setTimeout as sleep } from 'node:timers/promises'

/** What `promise` brings, or `undefined` as soon as `signal` is aborted. What fails after that is nobody's business any more. */
export function unlessAborted<T>(signal: AbortSignal, promise: Promise<T>): Promise<T | undefined> {
  if (signal.aborted) {
    promise.catch(() => {})
    return Promise.resolve(undefined)
  }
  return new Promise((resolve, reject) => {
    const abort = (): void => resolve(undefined)
    signal.addEventListener('abort', abort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}

/** Whether `promise` settles well within `timeoutMs`. What it rejects with is thrown. */
export async function inTime(promise: Promise<unknown>, timeoutMs: number): Promise<boolean> {
  const timer = new AbortController()
  try {
    const late = sleep(timeoutMs, false, { signal: timer.signal }).catch(() => false)
    return await Promise.race([promise.then(() => true), late])
  } finally {
    timer.abort()
  }
}

/** Pauses; returns early when `signal` is aborted. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => {})
}
