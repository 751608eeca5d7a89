// A WebSocket echo at PORT, over HTTP/1.1 (RFC 6455).
import { createServer } from 'node:http'
import { acceptOf, echo } from '../kit/web-socket.ts'

const server = createServer((_request, response) => response.writeHead(426).end())
server.on('upgrade', (request, socket) => {
  const accept = acceptOf(request.headers['sec-websocket-key'] ?? '')
  const caller = request.headers['x-selvedge-caller'] ?? ''
  console.log(`a WebSocket of ${String(caller)}`)
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  )
  echo(socket)
})
server.listen(Number(process.env.PORT), '127.0.0.1', () => console.log('listens'))
