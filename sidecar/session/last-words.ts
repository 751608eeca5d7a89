import type { Cause } from '../../common/mod.ts'
import { type H1Problem, responseHeadText } from '../codec/h1/mod.ts'
import { ownHead } from '../http/mod.ts'

export const REASONS: Readonly<Record<H1Problem['status'], string>> = {
  400: 'Bad Request',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  413: 'Content Too Large',
  414: 'URI Too Long',
  417: 'Expectation Failed',
  431: 'Request Header Fields Too Large',
  501: 'Not Implemented',
  505: 'HTTP Version Not Supported',
}

/** A last answer outside any exchange, head and text, after which the connection is closed. `text` is ASCII. */
export function lastWords(status: number, reason: string, cause: Cause, text: string): string {
  const fields = [
    ['content-type', 'text/plain'],
    ['x-selvedge-cause', cause],
  ] as const
  return responseHeadText(ownHead(status, reason, fields, text.length), 'as-is', 'close') + text
}
