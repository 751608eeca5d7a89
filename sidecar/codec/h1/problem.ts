/** Why bytes are refused, with the status that tells the peer so. `detail` is for the log; it holds nothing of the request. */
export interface H1Problem {
  readonly status: 400 | 405 | 408 | 413 | 414 | 417 | 431 | 501 | 505
  readonly detail: string
  /** What came is no HTTP/1.x: whoever sent it would not know its answers. It may be a broken preface of HTTP/2 (RFC 9113, 3.4). */
  readonly unanswered?: true
}

export function problem(status: H1Problem['status'], detail: string): H1Problem {
  return { status, detail }
}
