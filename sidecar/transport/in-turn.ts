/** So often some of them are done. */
const STEP_MS = 20

/**
 * Does one thing after the other, evenly over `overMs`: retires connections, ends tunnels. All at once, every request would need a handshake at the same
 * moment, and where handshakes are slower than requests come, callers wait for nothing else. Returns what does all that is left, now.
 */
export function inTurn(things: readonly (() => void)[], overMs: number): () => void {
  const steps = Math.max(1, Math.floor(overMs / STEP_MS))
  let step = 0
  let next = 0
  const doUntil = (count: number): void => {
    for (; next < count; next++) things[next]?.()
    if (next >= things.length) clearInterval(timer)
  }
  const timer = setInterval(() => {
    step++
    doUntil(Math.ceil((things.length * step) / steps))
  }, STEP_MS)
  timer.unref()
  if (things.length === 0) clearInterval(timer)
  return () => doUntil(things.length)
}
