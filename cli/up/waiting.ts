import { setTimeout as sleep } from 'node:timers/promises'

/** Whether `promise` settles well within `timeoutMs`; false, too, as soon as `signal` is aborted. What it rejects with is thrown. */
export async function inTime(promise: Promise<unknown>, timeoutMs: number, signal: AbortSignal): Promise<boolean> {
  const settled = new AbortController()
  try {
    const late = pause(timeoutMs, AbortSignal.any([signal, settled.signal]))
    return await Promise.race([promise.then(() => true), late.then(() => false)])
  } finally {
    settled.abort()
  }
}

/** Pauses; returns early when `signal` is aborted. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => {})
}
