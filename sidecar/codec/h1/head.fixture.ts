import type { Result } from '../../../common/mod.ts'
import type { RequestHead, ResponseHead } from '../../http/mod.ts'
import { type H1Problem, HeadScanner, NEED_MORE, REFUSED, readRequestHead, readResponseHead } from './mod.ts'

/** What became of bytes that hold one head. `after` is the index of the first byte behind it. */
export type Read<Head> =
  | { readonly kind: 'more' }
  | { readonly kind: 'refused'; readonly problem: H1Problem }
  | { readonly kind: 'head'; readonly head: Head; readonly after: number }

/** Scans as a session does, with more bytes at each cut, each time from the head's first byte. */
function readHead<Head>(
  bytes: Buffer,
  cuts: readonly number[],
  read: (scanned: HeadScanner, text: string) => Result<Head, H1Problem>,
): Read<Head> {
  const scanner = new HeadScanner()
  for (const cut of [...cuts, bytes.length].sort((a, b) => a - b)) {
    const after = scanner.scan(bytes.subarray(0, cut), 0)
    if (after === NEED_MORE) continue
    if (after === REFUSED) return { kind: 'refused', problem: scanner.problem }
    const head = read(scanner, bytes.toString('latin1', 0, after))
    return head.ok ? { kind: 'head', head: head.value, after } : { kind: 'refused', problem: head.error }
  }
  return { kind: 'more' }
}

export function readRequest(text: string | Buffer, cuts: readonly number[] = []): Read<RequestHead> {
  return readHead(typeof text === 'string' ? Buffer.from(text, 'latin1') : text, cuts, readRequestHead)
}

export function readResponse(text: string | Buffer, method = 'GET', cuts: readonly number[] = []): Read<ResponseHead> {
  return readHead(typeof text === 'string' ? Buffer.from(text, 'latin1') : text, cuts, (scanned, head) =>
    readResponseHead(scanned, head, method),
  )
}

/** The head of a request that must be good. */
export function goodRequest(text: string): RequestHead {
  const read = readRequest(text)
  if (read.kind !== 'head') throw new Error(`not a head: ${JSON.stringify(read)}`)
  return read.head
}

export function goodResponse(text: string, method = 'GET'): ResponseHead {
  const read = readResponse(text, method)
  if (read.kind !== 'head') throw new Error(`not a head: ${JSON.stringify(read)}`)
  return read.head
}

/** The status that a request is refused with; 0 when it isn't, -1 when more is waited for. */
export function refusalOf(text: string): number {
  const read = readRequest(text)
  return read.kind === 'refused' ? read.problem.status : read.kind === 'head' ? 0 : -1
}

/** Names and values, in order. */
export function fieldsOf(head: RequestHead | ResponseHead): [string, string][] {
  const fields: [string, string][] = []
  head.headers.forEach((name, value) => void fields.push([name, value]))
  return fields
}
