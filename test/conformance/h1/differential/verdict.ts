import { type FakeSocket, settled } from '../../../fakes/socket.ts'

/** One request as a server understood it, whole. */
export interface Understood {
  readonly method: string
  /** Origin-form, `*`, or the authority of a CONNECT. */
  readonly target: string
  /** Names in lower case, in order; those of one hop are left out. */
  readonly fields: readonly (readonly [name: string, value: string])[]
  /** In latin1. */
  readonly body: string
}

/** What a server made of the bytes of one connection. */
export interface Verdict {
  readonly requests: readonly Understood[]
  /** Why it refused to read on; `undefined` where it waits for more, or has ended in order. */
  readonly refused: string | undefined
  /** It has ended the connection in order: an answer said so, and nothing behind it is read. */
  readonly closed: boolean
}

/** Bytes of a connection, and how they arrive. */
export interface Wire {
  readonly bytes: Buffer
  /** Where they are cut; may lie anywhere. */
  readonly cuts: readonly number[]
}

/** Gives the bytes, piece by piece, to whoever listens on the socket, and settles when all that follows has happened. */
export async function deliver({ bytes, cuts }: Wire, socket: FakeSocket): Promise<void> {
  await settled()
  let at = 0
  for (const cut of [...cuts.map(each => Math.min(each, bytes.length)), bytes.length].sort((a, b) => a - b)) {
    if (cut > at && !socket.destroyed) socket.push(Buffer.from(bytes.subarray(at, cut)))
    at = Math.max(at, cut)
  }
  await settled()
}

const OF_ONE_HOP = new Set([
  ...['connection', 'keep-alive', 'proxy-connection', 'te', 'transfer-encoding', 'upgrade', 'expect'],
  ...['proxy-authenticate', 'proxy-authorization'],
])
/** Fields that stay though Connection names them: docs/http1.md. */
const STAYS =
  /^(host|authorization|cookie|content-length|content-type|traceparent|tracestate|x-request-id)$|^(x-forwarded-|x-selvedge-|grpc-)/

/** The fields that go beyond one hop (RFC 9110, 7.6.1): a reading of that section of its own, to be compared with the codec's. */
export function endToEnd(pairs: readonly (readonly [string, string])[]): [string, string][] {
  const named = pairs
    .filter(([name]) => name.toLowerCase() === 'connection')
    .flatMap(([, value]) => value.split(','))
    .map(option => option.trim().toLowerCase())
  const lower = pairs.map(([name, value]): [string, string] => [name.toLowerCase(), value])
  const parents = lower.filter(([name]) => name === 'traceparent').length
  return lower.filter(
    ([name]) =>
      !OF_ONE_HOP.has(name) && (STAYS.test(name) || !named.includes(name)) && (name !== 'traceparent' || parents < 2),
  )
}
