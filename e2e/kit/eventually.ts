const EVERY_MS = 50

/** Asks until there is an answer that is not `undefined`, for at most `timeoutMs`. What `check` throws counts as no answer yet. */
export async function eventually<T>(
  what: string,
  timeoutMs: number,
  check: () => Promise<T | undefined> | T | undefined,
): Promise<T> {
  const endMs = performance.now() + timeoutMs
  let last: unknown = 'no answer'
  for (;;) {
    try {
      const answer = await check()
      if (answer !== undefined) return answer
    } catch (thrown) {
      last = thrown
    }
    if (performance.now() >= endMs) throw new Error(`Not within ${timeoutMs} ms: ${what} (${String(last)})`)
    await pause(EVERY_MS)
  }
}

/** For `eventually`: `true`, or not yet. */
export function yes(holds: boolean): true | undefined {
  return holds ? true : undefined
}

/** Where a span of time is what a test is about. */
export function pause(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}
