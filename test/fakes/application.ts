import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'

/** A program beside a sidecar, or outside the mesh: a real server on a port of its own. */
export interface Application {
  readonly port: number
  /** Requests (of HTTP) or connections (of bytes) that have reached it. */
  readonly seen: number
  /** Connections that are open now. */
  readonly open: number
  /** Ends it with all its connections. Safe to call twice. */
  close(): Promise<void>
  /** Listens again, on the port that it had. */
  reopen(): Promise<void>
}

/** A small HTTP server, as applications are. */
export function httpApplication(answer: (request: IncomingMessage, response: ServerResponse) => void) {
  let seen = 0
  const server = createHttpServer((request, response) => {
    seen++
    // Whoever aborts has a reason; the test sees it elsewhere.
    request.on('error', () => undefined)
    response.on('error', () => undefined)
    answer(request, response)
  })
  return listening(server, () => seen)
}

/** A server of bytes: for what no well-behaved HTTP server would do. */
export function byteApplication(accept: (socket: Socket) => void) {
  let seen = 0
  const server = createServer({ allowHalfOpen: true, noDelay: true }, socket => {
    seen++
    socket.on('error', () => undefined)
    accept(socket)
  })
  return listening(server, () => seen)
}

/** Answers every request with its own name, and with what the request said. */
export function echoApplication(name: string): Promise<Application> {
  return httpApplication((request, response) => {
    const parts: Buffer[] = []
    request.on('data', (chunk: Buffer) => parts.push(chunk))
    request.on('end', () => {
      const { method, url, headers } = request
      const text = JSON.stringify({ name, method, url, headers, body: Buffer.concat(parts).toString() })
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) })
      response.end(text)
    })
  })
}

/** What `echoApplication` answers. */
export interface Echo {
  readonly name: string
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** The whole text of each answer is given; requests without a body alone. For tests that count thousands. */
export function quickApplication(body: string): Promise<Application> {
  const answer = `HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`
  return byteApplication(socket => {
    let held = ''
    socket.on('data', chunk => {
      const heads = (held + chunk.toString('latin1')).split('\r\n\r\n')
      held = heads.pop() ?? ''
      if (heads.length > 0) socket.write(answer.repeat(heads.length))
    })
    socket.on('end', () => socket.end())
  })
}

async function listening(server: Server, seen: () => number): Promise<Application> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  const listen = (port: number) => new Promise<void>(resolve => server.listen(port, '127.0.0.1', () => resolve()))
  await listen(0)
  const { port } = server.address() as AddressInfo
  return {
    port,
    get seen() {
      return seen()
    },
    get open() {
      return sockets.size
    },
    close: () =>
      new Promise(resolve => {
        for (const socket of sockets) socket.destroy()
        server.close(() => resolve())
      }),
    reopen: () => listen(port),
  }
}
