import { err, ok, type Result } from '../../../common/mod.ts'
import { CHUNKED, NO_BODY, type ResponseHead } from '../../http/mod.ts'
import type { HeadFields } from './head-fields.ts'
import { reasonOf } from './reasons.ts'

/** Makes an answer of the fields that were gathered (RFC 9113, 8.3.2). `method` is the request's. The error is for logs. */
export function readResponseHead(fields: HeadFields, endStream: boolean, method: string): Result<ResponseHead, string> {
  if (fields.malformed !== '') return err(fields.malformed)
  const { status: text, contentLength } = fields
  if (fields.method !== '' || fields.path !== undefined || fields.scheme !== '' || fields.authority !== undefined)
    return err("a request's pseudo-field in an answer")
  const status = text.length === 3 ? Number(text) : Number.NaN
  if (!Number.isInteger(status) || status < 100 || status > 599 || status === 101) return err('a malformed status')
  if (status < 200 && endStream) return err('an interim answer that ends')
  const headers = fields.headers()
  const bodiless = method === 'HEAD' || status < 200 || status === 204 || status === 304
  // RFC 9110, 8.6: never a Content-Length there.
  if (contentLength !== -1 && (status < 200 || status === 204)) headers.remove('content-length')
  if (endStream && contentLength > 0 && !bodiless) return err('a length without a body')
  return ok({
    status,
    reason: reasonOf(status),
    headers,
    body:
      endStream || bodiless
        ? NO_BODY
        : contentLength === -1
          ? CHUNKED
          : contentLength === 0
            ? NO_BODY
            : { kind: 'length', length: contentLength },
    keepAlive: true,
    upgrade: undefined,
    hasMeshFields: fields.hasMeshFields,
  })
}
