import { latin1 } from '../../common/mod.ts'

const LF = 0x0a
/** What is remembered of the end of a line: enough for `HTTP/1.1`. */
const TAIL = 10
const VERSION = /HTTP\/[0-9](?:\.[0-9])?$/i

/**
 * Looks whether bytes begin with the line of a request (RFC 9112, 3), however they are cut, and however leniently a server may read them: behind empty lines and
 * spaces, with any method, target and spaces at the end. Knows after one line, and holds nothing but its end.
 */
export class RequestLineWatch {
  private begun = false
  private over = false
  private tail = ''

  /** True when with this piece such a line is whole: nothing of a request has passed that a server could act upon, if the piece doesn't. */
  seesRequest(chunk: Buffer): boolean {
    if (this.over) return false
    let from = 0
    if (!this.begun) {
      while (from < chunk.length && isBlank(chunk[from]!)) from++
      if (from === chunk.length) return false
      this.begun = true
      if (!isLetter(chunk[from]!)) {
        this.over = true
        return false
      }
    }
    const end = chunk.indexOf(LF, from)
    const line = latin1(chunk, from, end === -1 ? chunk.length : end)
    this.tail = (this.tail + line.replaceAll(/[ \t\r]+/g, '')).slice(-TAIL)
    if (end === -1) return false
    this.over = true
    return VERSION.test(this.tail)
  }
}

function isBlank(c: number): boolean {
  return c === 0x20 || c === 0x09 || c === 0x0a || c === 0x0d
}

function isLetter(c: number): boolean {
  return (c >= 0x41 && c <= 0x5a) || (c >= 0x61 && c <= 0x7a)
}
