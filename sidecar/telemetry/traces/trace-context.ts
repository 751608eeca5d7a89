/** `traceparent` of W3C Trace Context. */
export interface TraceContext {
  /** 32 lower-case hex digits. */
  readonly traceId: string
  /** 16 lower-case hex digits. */
  readonly spanId: string
  readonly sampled: boolean
}

/** Version 00 has these 55 characters; a later one may go on after another hyphen, and is read as far as we know it (section 4.3). */
const TRACEPARENT =
  /^(?:00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})|(?!00|ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?)$/
const ZERO_TRACE = '0'.repeat(32)
const ZERO_SPAN = '0'.repeat(16)

/** `undefined` for anything malformed: the trace then begins anew, as the specification asks. */
export function parseTraceparent(text: string): TraceContext | undefined {
  const match = TRACEPARENT.exec(text)
  if (match === null) return undefined
  const traceId = (match[1] ?? match[4])!
  const spanId = (match[2] ?? match[5])!
  if (traceId === ZERO_TRACE || spanId === ZERO_SPAN) return undefined
  return { traceId, spanId, sampled: (Number.parseInt((match[3] ?? match[6])!, 16) & 1) === 1 }
}

/** Whether a well-formed `traceparent` asks for sampling: its flags' lowest bit. One look, no parsing. */
export function looksUnsampled(text: string): boolean {
  return (
    text.length === 55 &&
    text.charCodeAt(2) === 45 &&
    text.charCodeAt(35) === 45 &&
    text.charCodeAt(52) === 45 &&
    text.endsWith('-00')
  )
}

export function formatTraceparent(traceId: string, spanId: string, sampled: boolean): string {
  return `00-${traceId}-${spanId}-0${sampled ? 1 : 0}`
}
