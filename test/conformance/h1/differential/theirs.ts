import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { HEAD_BYTES_MAX } from '../../../../common/mod.ts'
import { FakeSocket } from '../../../fakes/socket.ts'
import { deliver, endToEnd, type Understood, type Verdict, type Wire } from './verdict.ts'

interface Heard {
  readonly requests: { readonly request: IncomingMessage; body: string; readonly whole: () => boolean }[]
  refused: string | undefined
}

/** Node's own server, as strict as it can be told to be. One server for all connections. */
export function nodeServer(): { judge(wire: Wire): Promise<Verdict>; close(): void } {
  const heardBy = new WeakMap<object, Heard>()
  const server: Server = createServer({
    ...{ maxHeaderSize: HEAD_BYTES_MAX, insecureHTTPParser: false, requireHostHeader: true },
    ...{ headersTimeout: 0, requestTimeout: 0, keepAliveTimeout: 0, connectionsCheckingInterval: 2 ** 30 },
  })
  const serve = (request: IncomingMessage, response: ServerResponse): void => {
    const heard = { request, body: '', whole: () => request.complete }
    heardBy.get(request.socket)?.requests.push(heard)
    // Noted as the parser gives it: what it refuses later takes the events of what it read before with it.
    const push = request.push.bind(request)
    request.push = (chunk: Buffer | null) => {
      if (chunk !== null) heard.body += chunk.toString('latin1')
      return push(chunk)
    }
    request.on('error', () => undefined)
    request.on('end', () => response.end())
    request.resume()
  }
  server.on('request', serve)
  server.on('checkContinue', serve)
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    const heard = heardBy.get(socket)
    if (heard !== undefined) heard.refused ??= error.code ?? error.message
    socket.destroy()
  })
  server.on('connect', (request: IncomingMessage, socket) => {
    heardBy.get(socket)?.requests.push({ request, body: '', whole: () => true })
    socket.destroy()
  })
  return {
    judge: async wire => {
      const socket = new FakeSocket({ allowHalfOpen: true })
      socket.on('error', () => undefined)
      const heard: Heard = { requests: [], refused: undefined }
      heardBy.set(socket, heard)
      server.emit('connection', socket)
      await deliver(wire, socket)
      // What it refuses without telling anybody, it answers (no Host, an unknown Expect).
      const answered = /HTTP\/1\.1 ([45][0-9]{2}) /.exec(socket.sent)?.[1]
      const refused = heard.refused ?? answered
      const closed = refused === undefined && (socket.finished || socket.destroyed)
      socket.destroy()
      const requests = heard.requests
        .filter(({ whole }) => whole())
        .map(({ request, body }) => understood(request, body))
      return { requests, refused, closed }
    },
    close: () => server.close(),
  }
}

function understood({ method = '', url = '', rawHeaders, httpVersion }: IncomingMessage, body: string): Understood {
  const pairs: [string, string][] = []
  for (let n = 0; n < rawHeaders.length; n += 2) pairs.push([rawHeaders[n] ?? '', rawHeaders[n + 1] ?? ''])
  const fields = endToEnd(pairs)
  const absolute = /^http:\/\/([^/?]*)(.*)$/i.exec(url)
  if (absolute === null || method === 'CONNECT')
    return { method, target: url, fields: withHost(fields, httpVersion, ''), body }
  const [, authority = '', rest = ''] = absolute
  const target = rest === '' ? '/' : rest.startsWith('?') ? `/${rest}` : rest
  return { method, target, fields: withHost(fields, httpVersion, authority), body }
}

/** What goes on is HTTP/1.1 and has a Host: ours says so already. */
function withHost(fields: [string, string][], version: string, authority: string): [string, string][] {
  return version === '1.0' && !fields.some(([name]) => name === 'host') ? [...fields, ['host', authority]] : fields
}
