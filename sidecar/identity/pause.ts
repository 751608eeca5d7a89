/** Waits, at most until `signal` is aborted. `keepsAlive`: whether the program may not end meanwhile. */
export function pause(ms: number, how: { readonly signal?: AbortSignal; readonly keepsAlive: boolean }): Promise<void> {
  return new Promise(resolve => {
    if (how.signal?.aborted === true) {
      resolve()
      return
    }
    const end = (): void => {
      clearTimeout(timer)
      how.signal?.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, ms)
    if (!how.keepsAlive) timer.unref()
    how.signal?.addEventListener('abort', end)
  })
}
