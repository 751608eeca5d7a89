import { request as request1 } from 'node:http'
import { type ClientHttp2Session, connect, type IncomingHttpHeaders } from 'node:http2'
import type { Readable, Writable } from 'node:stream'
import type { Version } from './applications.ts'

const ANSWER_MS_MAX = 15_000
const HEAD_BYTES_MAX = 256 * 1024

export interface Call {
  readonly authority: string
  readonly method?: string
  readonly path?: string
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
  readonly trailers?: Readonly<Record<string, string>>
  readonly body?: string | Buffer
}

export interface Got {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
  readonly trailers: Readonly<Record<string, string>>
  /** Statuses of interim answers, with their Link field. */
  readonly interim: readonly string[]
}

/** A call whose two bodies are the test's to write and to read. */
export interface OpenCall {
  readonly sending: Writable
  /** Settles with the head of the answer; fails where the call broke off before it. */
  readonly head: Promise<{ readonly status: number; readonly headers: IncomingHttpHeaders; readonly body: Readable }>
  readonly interim: readonly string[]
  trailers(): Readonly<Record<string, string>>
  /** The caller goes away. */
  cancel(): void
}

/** A program that calls through its sidecar in one version of HTTP. */
export interface Caller {
  readonly version: Version
  open(call: Call): OpenCall
  close(): void
}

export function callerOf(version: Version, port: number): Caller {
  return version === 1 ? http1Caller(port) : http2Caller(port)
}

/** A whole call. */
export async function callWhole(caller: Caller, call: Call): Promise<Got> {
  const open = caller.open(call)
  open.sending.end(call.body)
  const { status, headers, body } = await open.head
  const parts: Buffer[] = []
  for await (const chunk of body) parts.push(chunk as Buffer)
  return { status, headers, body: Buffer.concat(parts).toString(), trailers: open.trailers(), interim: open.interim }
}

function http1Caller(port: number): Caller {
  return {
    version: 1,
    open: ({ authority, method = 'GET', path = '/', headers = {}, trailers }) => {
      const interim: string[] = []
      const fields = { host: authority, ...(headers as Record<string, string>) }
      const sent = request1({
        ...{ host: '127.0.0.1', port, method, path, agent: false, timeout: ANSWER_MS_MAX },
        ...{ maxHeaderSize: HEAD_BYTES_MAX, headers: fields },
      })
      if (trailers !== undefined) {
        sent.setHeader('transfer-encoding', 'chunked')
        sent.addTrailers(trailers)
      }
      sent.on('information', ({ statusCode, headers: said }) => interim.push(`${statusCode} ${said.link ?? ''}`))
      let last: () => Readonly<Record<string, string>> = () => ({})
      const head: OpenCall['head'] = new Promise((resolve, reject) => {
        sent.on('response', body => {
          last = () => body.trailers as Record<string, string>
          body.on('error', () => undefined)
          resolve({ status: body.statusCode ?? 0, headers: body.headers, body })
        })
        sent.on('error', reject)
        sent.on('timeout', () => sent.destroy(new Error('no answer in time')))
      })
      head.catch(() => undefined)
      return { sending: sent, head, interim, trailers: () => last(), cancel: () => void sent.destroy() }
    },
    close: () => undefined,
  }
}

function http2Caller(port: number): Caller {
  const session: ClientHttp2Session = connect(`http://127.0.0.1:${port}`, {
    maxSendHeaderBlockLength: HEAD_BYTES_MAX,
    maxHeaderListPairs: 1_000,
    peerMaxConcurrentStreams: 10_000,
    settings: { maxHeaderListSize: HEAD_BYTES_MAX, initialWindowSize: 1 << 20 },
  })
  session.on('error', () => undefined)
  return {
    version: 2,
    open: ({ authority, method = 'GET', path = '/', headers = {}, trailers }) => {
      const interim: string[] = []
      const bodiless = method === 'GET' || method === 'HEAD'
      const stream = session.request(
        { ':method': method, ':path': path, ':authority': authority, ...(headers as Record<string, string>) },
        { endStream: bodiless, waitForTrailers: trailers !== undefined },
      )
      stream.on('wantTrailers', () => stream.sendTrailers(trailers ?? {}))
      stream.on('headers', said => interim.push(`${said[':status']} ${said.link ?? ''}`))
      stream.setTimeout(ANSWER_MS_MAX, () => stream.destroy(new Error('no answer in time')))
      let last: Record<string, string> = {}
      stream.on('trailers', said => {
        last = Object.fromEntries(Object.entries(said)) as Record<string, string>
      })
      const head: OpenCall['head'] = new Promise((resolve, reject) => {
        stream.on('response', said => {
          resolve({ status: Number(said[':status']), headers: said as IncomingHttpHeaders, body: stream })
        })
        stream.on('error', reject)
        stream.on('close', () => reject(new Error('closed without an answer')))
      })
      head.catch(() => undefined)
      return { sending: stream, head, interim, trailers: () => last, cancel: () => stream.close(8) }
    },
    close: () => session.destroy(),
  }
}
