/** The server's clock began before ours, and what we send is on its way for a while: so much earlier a connection is left alone, ... */
const MARGIN_MS = 1_000
/** ... and of a short limit no more than half. */
const MARGIN_PART = 0.5
/** However long a server would keep a connection, it is not worth its memory. */
const SAID_MS_MAX = 60_000
/** A server that closes this soon does it for another reason than that nothing came. */
const SEEN_MS_MIN = 50
/** Connections that end together end with their server, not with their time. */
const TOGETHER_MS = 100
/** Two ends are alike, and so an idle limit, when they differ by no more than this part. */
const ALIKE_PART = 0.25
/** What was seen holds for so long. By then the server may be another, and its first early end would tell. */
const SEEN_HOLDS_MS = 600_000

/**
 * How long the server of one endpoint keeps a connection on which nothing comes. It says so (`Keep-Alive: timeout=5`), or is seen to end connections
 * at the same age again and again. A request on a connection that its server is just closing is lost, and unless it is safe to repeat, its caller
 * is told so. Times are monotonic, in milliseconds.
 */
export class IdleLimit {
  private saidMs: number | undefined = undefined
  private seenMs = 0
  private seenAtMs = Number.NEGATIVE_INFINITY
  private lastAgeMs = Number.POSITIVE_INFINITY
  private lastAtMs = Number.NEGATIVE_INFINITY

  /** The server has said it, with an answer. */
  said(limitMs: number): void {
    this.saidMs = limitMs
  }

  /** The server has ended a connection on which nothing had come for `ageMs`. */
  ended(ageMs: number, nowMs: number): void {
    if (ageMs < SEEN_MS_MIN || nowMs - this.lastAtMs < TOGETHER_MS) return
    const alike = Math.abs(ageMs - this.lastAgeMs) <= ageMs * ALIKE_PART
    if (alike) {
      this.seenMs = Math.min(ageMs, this.lastAgeMs)
      this.seenAtMs = nowMs
    }
    this.lastAgeMs = ageMs
    this.lastAtMs = nowMs
  }

  /** How long a connection may be free and be used again; `otherwiseMs` where nothing has been learnt. */
  msMax(otherwiseMs: number, nowMs: number): number {
    const said = this.saidMs === undefined ? otherwiseMs : Math.min(withMargin(this.saidMs), SAID_MS_MAX)
    return nowMs - this.seenAtMs < SEEN_HOLDS_MS ? Math.min(said, withMargin(this.seenMs)) : said
  }
}

function withMargin(limitMs: number): number {
  return limitMs - Math.min(MARGIN_MS, limitMs * MARGIN_PART)
}
