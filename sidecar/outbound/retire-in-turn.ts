/** So often some of them go. */
const STEP_MS = 20

/**
 * Retires connections one after the other, evenly over `overMs`. All at once, every request would need a handshake at the same moment, and where
 * handshakes are slower than requests come, callers wait for nothing else. Returns what retires all that is left, now.
 */
export function retireInTurn(connections: readonly { retire(): void }[], overMs: number): () => void {
  const steps = Math.max(1, Math.floor(overMs / STEP_MS))
  let step = 0
  let next = 0
  const retireUntil = (count: number): void => {
    for (; next < count; next++) connections[next]?.retire()
    if (next >= connections.length) clearInterval(timer)
  }
  const timer = setInterval(() => {
    step++
    retireUntil(Math.ceil((connections.length * step) / steps))
  }, STEP_MS)
  timer.unref()
  if (connections.length === 0) clearInterval(timer)
  return () => retireUntil(connections.length)
}
