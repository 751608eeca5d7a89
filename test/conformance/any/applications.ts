import { createServer as createHttp1, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createHttp2 } from 'node:http2'
import type { AddressInfo, Server, Socket } from 'node:net'

/** HTTP/2's have the same shape, as far as it is used here. */
export type Answerer = (request: IncomingMessage, response: ServerResponse) => void
export type Version = 1 | 2

/** Head limits of Node's own are below ours. */
const HEAD_BYTES_MAX = 256 * 1024

/** An application that speaks one version of HTTP; what it answers is changed from test to test. */
export interface AnyApplication {
  readonly version: Version
  readonly port: number
  answer: Answerer
  /** Connections that are open now. */
  readonly open: number
  /** Connections that there have been. */
  readonly connections: number
  close(): Promise<void>
}

export async function startApplication(version: Version): Promise<AnyApplication> {
  const application = { answer: echo as Answerer }
  const sockets = new Set<Socket>()
  let connections = 0
  const answer: Answerer = (request, response) => {
    // Whoever aborts has a reason; the test sees it elsewhere.
    request.on('error', () => undefined)
    response.on('error', () => undefined)
    application.answer(request, response)
  }
  const settings = { maxHeaderListSize: HEAD_BYTES_MAX, enableConnectProtocol: true }
  const server: Server =
    version === 1
      ? createHttp1({ maxHeaderSize: HEAD_BYTES_MAX, insecureHTTPParser: false }, answer)
      : createHttp2({ settings, maxSendHeaderBlockLength: HEAD_BYTES_MAX, maxHeaderListPairs: 1_000 }, answer as never)
  server.on('connection', (socket: Socket) => {
    connections++
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', () => resolve()))
  return {
    version,
    port: (server.address() as AddressInfo).port,
    get answer() {
      return application.answer
    },
    set answer(next) {
      application.answer = next
    },
    get open() {
      return sockets.size
    },
    get connections() {
      return connections
    },
    close: () =>
      new Promise(resolve => {
        for (const socket of sockets) socket.destroy()
        server.close(() => resolve())
      }),
  }
}

/** What `echo` answers. */
export interface Echoed {
  readonly version: string
  readonly method: string
  readonly url: string
  readonly authority: string
  /** Names and values in turn, as they came. */
  readonly fields: readonly string[]
  readonly trailers: Readonly<Record<string, string>>
  readonly body: string
}

/** Answers with all that the request said. */
export function echo(request: IncomingMessage, response: ServerResponse): void {
  const parts: Buffer[] = []
  request.on('data', (chunk: Buffer) => parts.push(chunk))
  request.on('end', () => {
    const said: Echoed = {
      version: request.httpVersion,
      method: request.method ?? '',
      url: request.url ?? '',
      authority: authorityOf(request),
      fields: request.rawHeaders.filter((_, i) => !request.rawHeaders[i - (i % 2)]!.startsWith(':')),
      trailers: { ...request.trailers } as Record<string, string>,
      body: Buffer.concat(parts).toString(),
    }
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify(said))
  })
}

function authorityOf(request: IncomingMessage): string {
  return 'authority' in request ? String(request.authority) : (request.headers.host ?? '')
}
