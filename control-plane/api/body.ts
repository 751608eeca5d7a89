import type { IncomingMessage } from 'node:http'
import { err, ok, type Result } from '../../common/mod.ts'
import type { Refusal } from './status.ts'

/** As much as `parseResources` reads, and room for thousands of resources. */
const BODY_BYTES_MAX = 4 * 1024 * 1024

/** What resources may come as. */
export const RESOURCE_TYPES: readonly string[] = [
  'application/json',
  'application/yaml',
  'application/x-yaml',
  'text/yaml',
]

/** Reads a request's body whole: refused when it is too large (before it is read, where its length is told), coded, or not text. */
export async function readBody(
  request: IncomingMessage,
  types: readonly string[] = RESOURCE_TYPES,
): Promise<Result<string, Refusal>> {
  const declared = Number(request.headers['content-length'] ?? 0)
  if (declared > BODY_BYTES_MAX) return err(TOO_LARGE)
  const coding = request.headers['content-encoding'] ?? 'identity'
  if (coding !== 'identity') {
    return err({
      code: 415,
      message: `Cannot read the body: its coding is ${coding.slice(0, 50)}. Send it uncompressed.`,
    })
  }
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > BODY_BYTES_MAX) return err(TOO_LARGE)
    chunks.push(chunk)
  }
  if (bytes === 0) return ok('')
  const type = mediaType(request)
  if (!types.includes(type)) {
    const state = type === '' ? 'it has no content-type' : `its content-type is ${type.slice(0, 100)}`
    return err({ code: 415, message: `Cannot read the body: ${state}. Send ${types.slice(0, 2).join(' or ')}.` })
  }
  try {
    return ok(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks)))
  } catch {
    return err({ code: 400, message: 'Cannot read the body: it is not UTF-8. Save it as UTF-8.' })
  }
}

/** The content type without its parameters; empty where there is none. */
export function mediaType(request: IncomingMessage): string {
  return (request.headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? ''
}

const TOO_LARGE: Refusal = {
  code: 413,
  message: `Cannot read the body: it has more than ${BODY_BYTES_MAX} bytes. Send the resources in several calls.`,
}

/** The JSON object in a body, for calls that take their arguments so. */
export function parseObject(text: string): Result<Readonly<Record<string, unknown>>, Refusal> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    const state = error instanceof Error ? error.message : String(error)
    return err({ code: 400, message: `Cannot read the body: it is not JSON (${state}).` })
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return err({ code: 400, message: 'Cannot read the body: it is not a JSON object.' })
  }
  return ok(value as Readonly<Record<string, unknown>>)
}

/** Refuses fields that a call does not know: an answer that ignores what was asked is worse than none. */
export function checkFields(verb: string, value: object, known: readonly string[]): Result<void, Refusal> {
  const unknown = Object.keys(value).find(field => !known.includes(field))
  if (unknown === undefined) return ok(undefined)
  const message = `Cannot ${verb}: "${unknown.slice(0, 100)}" is unknown; known are ${known.join(', ')}.`
  return err({ code: 400, message })
}
