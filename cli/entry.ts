import { fileURLToPath } from 'node:url'
import { EXIT } from './failure.ts'

/** How we start ourselves once more: the Node that runs us, and `bin/selvedge.js` as it was called. */
export function selvedgeCommand(): readonly [string, string] {
  return [process.execPath, process.argv[1] ?? fileURLToPath(import.meta.url)]
}

/** How often we look whether npm's shell still lives. */
const PARENT_POLL_MS = 250

/**
 * Ctrl-C and its kin: the first asks for an orderly end, the second for an end at once, the third ends this program itself. With
 * `withParent`, the end of whoever started us is such a signal too: `npm start` that is told to end takes its shell with it, and the
 * shell tells nobody.
 */
export function stopSignals(withParent: boolean): { readonly stop: AbortSignal; readonly stopNow: AbortSignal } {
  const stop = new AbortController()
  const stopNow = new AbortController()
  const onSignal = (): void => {
    // Whatever hangs then: the guard ends what we leave behind.
    if (stopNow.signal.aborted) process.exit(EXIT.failed)
    ;(stop.signal.aborted ? stopNow : stop).abort()
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal)
  if (withParent) {
    const parent = process.ppid
    setInterval(() => process.ppid !== parent && stop.abort(), PARENT_POLL_MS).unref()
  }
  return { stop: stop.signal, stopNow: stopNow.signal }
}
