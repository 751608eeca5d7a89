import type { Headers } from './headers.ts'

/** How a body is delimited. `until-close` only in answers. `length` counts bytes. */
export type BodyFraming =
  | { readonly kind: 'none' }
  | { readonly kind: 'length'; readonly length: number }
  | { readonly kind: 'chunked' }
  | { readonly kind: 'until-close' }

export const NO_BODY: BodyFraming = { kind: 'none' }
export const CHUNKED: BodyFraming = { kind: 'chunked' }
export const UNTIL_CLOSE: BodyFraming = { kind: 'until-close' }

/** A request's head, the same whichever codec read it. Fields that belong to one hop are already gone from `headers`. */
export interface RequestHead {
  readonly method: string
  /** Origin-form (`/path?query`), `*`, or the authority of a CONNECT. */
  target: string
  /** `host[:port]` as it came, from the target or the Host field. */
  authority: string
  readonly headers: Headers
  readonly body: BodyFraming
  /** What the application spoke that made the request: what the application that gets it is spoken to in, unless its port says otherwise. */
  readonly httpVersion: 1 | 2
  /** Whether it is a call of gRPC's, by its content type. Only over HTTP/2: it needs trailers. */
  readonly grpc: boolean
  /** HTTP/1.0 callers get no chunks and no 1xx. */
  readonly minorVersion: 0 | 1
  readonly keepAlive: boolean
  readonly expectContinue: boolean
  /** The protocol that the caller would like to switch to, such as `websocket`. */
  readonly upgrade: string | undefined
  /** Whether any field's name begins with `x-selvedge-`. */
  readonly hasMeshFields: boolean
  /** The value of `traceparent`, which every request is looked at for. */
  readonly traceparent: string | undefined
}

export interface ResponseHead {
  status: number
  reason: string
  readonly headers: Headers
  body: BodyFraming
  readonly keepAlive: boolean
  readonly upgrade: string | undefined
  readonly hasMeshFields: boolean
}

/** Whether a request asks for bytes to be passed as they are (RFC 9110, 9.3.6), and not for a protocol of its own (RFC 8441). */
export function isBytes({ method, upgrade }: Pick<RequestHead, 'method' | 'upgrade'>): boolean {
  return method === 'CONNECT' && upgrade === undefined
}

/** The path of a target, without its query. */
export function pathOf(target: string): string {
  const mark = target.indexOf('?')
  return mark === -1 ? target : target.slice(0, mark)
}

/** The query of a target, without the question mark; empty when there is none. */
export function queryOf(target: string): string {
  const mark = target.indexOf('?')
  return mark === -1 ? '' : target.slice(mark + 1)
}
