import type { Random } from '../../../common/mod.ts'

/** `traceparent` of W3C Trace Context, version 00. */
export interface TraceContext {
  /** 32 lower-case hex digits. */
  readonly traceId: string
  /** 16 lower-case hex digits. */
  readonly spanId: string
  readonly sampled: boolean
}

const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/
const ZERO_TRACE = '0'.repeat(32)
const ZERO_SPAN = '0'.repeat(16)

/** `undefined` for anything malformed: the trace then begins anew, as the specification asks. */
export function parseTraceparent(text: string): TraceContext | undefined {
  const match = TRACEPARENT.exec(text)
  if (match === null || match[1] === ZERO_TRACE || match[2] === ZERO_SPAN) return undefined
  return { traceId: match[1]!, spanId: match[2]!, sampled: (Number.parseInt(match[3]!, 16) & 1) === 1 }
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

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

/** 16 hex digits, never all zero. */
export function newSpanId(random: Random): string {
  const high = (random() * 0x1_0000_0000) >>> 0
  const low = ((random() * 0x1_0000_0000) >>> 0) | 1
  return word(high) + word(low)
}

function word(n: number): string {
  return HEX[n >>> 24]! + HEX[(n >>> 16) & 255]! + HEX[(n >>> 8) & 255]! + HEX[n & 255]!
}
