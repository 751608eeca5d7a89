/**
 * The end of a whole exchange, all attempts, in milliseconds on the clock of `startMs`; `undefined`: none. The rule's
 * own timeout holds before the mesh's; 0 disables (GW-11), the rule's 0 the mesh's too.
 */
export function deadlineOf(
  startMs: number,
  ruleTimeoutMs: number | undefined,
  meshTimeoutMs: number | undefined,
): number | undefined {
  const timeoutMs = ruleTimeoutMs ?? meshTimeoutMs
  return timeoutMs === undefined || timeoutMs === 0 ? undefined : startMs + timeoutMs
}

/**
 * The end of an attempt that starts now: its own timeout (0 or `undefined`: none of its own), and never after the
 * exchange's end.
 */
export function attemptDeadline(
  nowMs: number,
  attemptTimeoutMs: number | undefined,
  deadlineMs: number | undefined,
): number | undefined {
  if (attemptTimeoutMs === undefined || attemptTimeoutMs === 0) return deadlineMs
  const ownMs = nowMs + attemptTimeoutMs
  return deadlineMs !== undefined && deadlineMs < ownMs ? deadlineMs : ownMs
}
