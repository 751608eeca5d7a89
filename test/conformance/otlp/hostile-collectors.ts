// Collectors that do what no collector should, in a process of their own: what they do costs the tests nothing. Prints their URLs as one
// line of JSON, and runs until it is ended.
import { createServer, type Socket } from 'node:net'
import { grpcCollector, grpcError, hostileCollector } from './receiver.ts'

const MB = 1024 * 1024

type Started = Promise<{ readonly port: number; close(): Promise<void> }>

const COLLECTORS: Readonly<Record<string, () => Started>> = {
  'http: refuses connections': async () => {
    const gone = await hostileCollector(() => {})
    await gone.close()
    return gone
  },
  'http: never answers': () => hostileCollector(() => {}),
  'http: answers drop by drop': () =>
    hostileCollector((_path, _fields, _body, response) => {
      response.writeHead(200)
      const drip = setInterval(() => response.write('.'), 100)
      response.on('close', () => clearInterval(drip))
    }),
  'http: is overloaded': () => hostileCollector((_path, _fields, _body, response) => response.writeHead(503).end('no')),
  'http: wants a token': () =>
    hostileCollector((_path, _fields, _body, response) => response.writeHead(401).end('x'.repeat(100_000))),
  'http: sends away': () =>
    hostileCollector((_path, _fields, _body, response) =>
      response.writeHead(307, { location: 'http://127.0.0.1:1/v1/traces' }).end(),
    ),
  'http: answers 100 MB': () =>
    hostileCollector((_path, _fields, _body, response) => {
      response.writeHead(200, { 'content-type': 'application/x-protobuf' })
      const piece = Buffer.alloc(MB)
      let left = 100
      const more = (): void => {
        while (left-- > 0) {
          if (response.write(piece)) continue
          response.once('drain', more)
          return
        }
        response.end()
      }
      more()
    }),
  'http: speaks something else': () =>
    byteServer(socket => socket.write('220 mail.example.com ESMTP\r\n'.repeat(1_000))),
  'http: breaks off': () => byteServer(socket => socket.once('data', () => socket.resetAndDestroy())),
  'grpc: never answers': () => grpcCollector(() => {}),
  'grpc: is unavailable': () => grpcCollector((_call, answer) => answer(grpcError(14, 'busy'))),
  'grpc: forbids': () => grpcCollector((_call, answer) => answer(grpcError(7, 'who are you?'))),
  'grpc: answers 100 MB in one message': () => grpcCollector((_call, answer) => answer(null, Buffer.alloc(100 * MB))),
  'grpc: speaks HTTP/1.1': () => byteServer(socket => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'.repeat(1_000))),
}

async function byteServer(accept: (socket: Socket) => void): Started {
  const server = createServer(socket => {
    socket.on('error', () => undefined)
    accept(socket)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    close: () => new Promise(resolve => server.close(() => resolve())),
  }
}

const urls: Record<string, string> = {}
for (const [name, start] of Object.entries(COLLECTORS)) {
  urls[name] = `${name.slice(0, 4)}://127.0.0.1:${(await start()).port}`
}
process.stdout.write(`${JSON.stringify(urls)}\n`)
process.stdin.on('end', () => process.exit(0)).resume()
