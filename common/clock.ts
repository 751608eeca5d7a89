/**
 * Time comes in as an argument. `nowMs` is monotonic (for durations and timers), `wallMs` is Unix time in milliseconds
 * (for certificates and records); the two are never compared.
 */
export interface Clock {
  nowMs(): number
  wallMs(): number
}

export const systemClock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
}
