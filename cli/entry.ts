import { fileURLToPath } from 'node:url'

/** How we start ourselves once more: the Node that runs us, and `bin/selvedge.js` as it was called. */
export function selvedgeCommand(): readonly [string, string] {
  return [process.execPath, process.argv[1] ?? fileURLToPath(import.meta.url)]
}

/** Ctrl-C and its kin: the first asks for an orderly end, the second for an end at once. */
export function stopSignals(): { readonly stop: AbortSignal; readonly stopNow: AbortSignal } {
  const stop = new AbortController()
  const stopNow = new AbortController()
  const onSignal = (): void => (stop.signal.aborted ? stopNow : stop).abort()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal)
  return { stop: stop.signal, stopNow: stopNow.signal }
}
