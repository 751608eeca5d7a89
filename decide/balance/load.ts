// Peak EWMA: a moving average of latency that jumps up with a peak at once and comes down only with time.
// After Finagle's PeakEwma.scala and tower's peak_ewma.rs, which Linkerd uses.

/** The mean life of what was observed: after this time a past latency weighs 1/e. Linkerd's default. */
const DECAY_MS = 10_000
/**
 * The latency of an endpoint that is being tried and has not answered yet. Much for a healthy one, so that one request
 * goes ahead of the others; but less than what a failing one soon costs (Finagle's near-infinite penalty would send all
 * to that one, until the first answer).
 */
const UNPROVEN_LATENCY_MS = 1_000
/** So that whoever has answered, however fast, isn't taken for one of whom nothing is known. */
const LATENCY_MIN_MS = 0.001
/**
 * A failure counts as so many times the latency so far: repeated failures soon cost more than any slow peer, whatever
 * the scale.
 */
const FAILURE_FACTOR = 4
/** The least that a failure counts for. It takes about 20 s to fade among peers that answer in 5 ms. */
const FAILURE_LATENCY_MIN_MS = 50
/**
 * The most that a failure counts for. The cost of healthy peers grows with those in line too, so it has to be far above
 * any latency.
 */
const FAILURE_LATENCY_MAX_MS = 300_000
/** Failures so close together count as one: a connection that dies takes many requests with it, and is one event. */
const FAILURE_BURST_MS = 20

/** What is known of one endpoint. Made by `newLoad`, changed only by the functions of this file. */
export interface EndpointLoad {
  /** The average as it was at `stampMs`; 0: nothing known. */
  ewmaMs: number
  stampMs: number
  /** Attempts under way. */
  pending: number
  /** When the last failure counted in full. */
  failedMs: number
}

/** An endpoint of which nothing is known: it gets one request at once, and more when that one has been answered. */
export function newLoad(nowMs: number): EndpointLoad {
  return { ewmaMs: 0, stampMs: nowMs, pending: 0, failedMs: Number.NEGATIVE_INFINITY }
}

/** Every start has one end: `loadEnded`, `loadFailed` or `loadCancelled`. */
export function loadStarted(load: EndpointLoad): void {
  load.pending += 1
}

/** An answer worth having came. `latencyMs` is the time from the start of the attempt to the head of the answer. */
export function loadEnded(load: EndpointLoad, nowMs: number, latencyMs: number): void {
  forgetStart(load)
  observe(load, nowMs, latencyMs)
}

/**
 * The attempt failed, however fast: it counts as four times what was expected, or as `latencyMs` where that is longer
 * (a timeout). An endpoint that goes on failing so rises above its peers in a few steps, and stays no further above
 * them than one step.
 */
export function loadFailed(load: EndpointLoad, nowMs: number, latencyMs = 0): void {
  forgetStart(load)
  const expectedMs = decayed(load, nowMs)
  let penaltyMs = expectedMs
  if (nowMs - load.failedMs >= FAILURE_BURST_MS) {
    penaltyMs = Math.min(Math.max(FAILURE_FACTOR * expectedMs, FAILURE_LATENCY_MIN_MS), FAILURE_LATENCY_MAX_MS)
    load.failedMs = nowMs
  }
  observe(load, nowMs, Math.max(latencyMs, penaltyMs))
}

/**
 * The caller went away after `elapsedMs`. The answer would have taken at least that long, which can raise the average,
 * never lower it.
 */
export function loadCancelled(load: EndpointLoad, nowMs: number, elapsedMs: number): void {
  forgetStart(load)
  if (elapsedMs > decayed(load, nowMs)) observe(load, nowMs, elapsedMs)
}

/**
 * What one more request would meet here: the average as it has decayed until now, times those in line with it. Only
 * good for comparing.
 */
export function loadCost(load: EndpointLoad, nowMs: number): number {
  const ewmaMs = decayed(load, nowMs)
  if (ewmaMs === 0 && load.pending > 0) return UNPROVEN_LATENCY_MS * (load.pending + 1)
  return ewmaMs * (load.pending + 1)
}

function observe(load: EndpointLoad, nowMs: number, observedMs: number): void {
  const latencyMs = Math.max(observedMs, LATENCY_MIN_MS)
  if (latencyMs > load.ewmaMs) load.ewmaMs = latencyMs
  else {
    const weight = weightAfter(nowMs - load.stampMs)
    load.ewmaMs = load.ewmaMs * weight + latencyMs * (1 - weight)
  }
  load.stampMs = nowMs
}

function decayed(load: EndpointLoad, nowMs: number): number {
  return load.ewmaMs * weightAfter(nowMs - load.stampMs)
}

function weightAfter(elapsedMs: number): number {
  return elapsedMs > 0 ? Math.exp(-elapsedMs / DECAY_MS) : 1
}

function forgetStart(load: EndpointLoad): void {
  if (load.pending > 0) load.pending -= 1
}
