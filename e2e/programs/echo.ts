// A service that says what has reached it: NAME in `x-answered-by` and in the body. With ANSWER=503 it answers everything with that, at once.
// `/call?url=http://other/` calls another service and hands its answer on; `/wait?ms=50` takes its time.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'

const name = process.env.NAME ?? 'echo'
const status = Number(process.env.ANSWER ?? 200)

const server = createServer((request, response) => {
  const url = new URL(request.url ?? '/', 'http://echo')
  if (url.pathname === '/call') void relay(request, response, url.searchParams.get('url') ?? '')
  else setTimeout(() => answer(request, response), status < 500 ? Number(url.searchParams.get('ms') ?? 0) : 0)
})
// How long an idle connection lives is the sidecar's to say.
server.keepAliveTimeout = 120_000
server.listen(Number(process.env.PORT), process.env.HOST ?? '127.0.0.1', () => console.log(`${name} listens`))
let ending = false
process.once('SIGTERM', () => {
  ending = true
  server.close(() => process.exit(0))
  server.closeIdleConnections()
})

function answer(request: IncomingMessage, response: ServerResponse): void {
  request.resume()
  send(response, status, { name, method: request.method, url: request.url, headers: request.headers })
}

async function relay(request: IncomingMessage, response: ServerResponse, target: string): Promise<void> {
  try {
    const { traceparent } = request.headers
    const far = await fetch(target, { headers: typeof traceparent === 'string' ? { traceparent } : {} })
    send(response, far.status, { name, far: await far.json() })
  } catch (thrown) {
    send(response, 502, { name, error: String(thrown) })
  }
}

function send(response: ServerResponse, code: number, body: unknown): void {
  const text = JSON.stringify(body)
  response.writeHead(code, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    'x-answered-by': name,
    ...(ending ? { connection: 'close' } : {}),
  })
  response.end(text)
}
