/**
 * A peer that is gone without a word (its machine, or the way to it) is found by TCP's own probes: the first after so many milliseconds of
 * silence, then one each second, ten of them.
 */
const FIRST_PROBE_MS = 30_000

/** For sockets that are accepted, and those that connect in plaintext. */
export const KEEP_ALIVE = { keepAlive: true, keepAliveInitialDelay: FIRST_PROBE_MS } as const
