// Large bodies both ways. GET /?bytes=N streams N bytes, as fast as they are taken; PUT answers how many bytes came and their SHA-256;
// GET /sent tells how many bytes of the last stream have been handed to the system.
import { createHash } from 'node:crypto'
import { createServer, type ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

const chunk = Buffer.alloc(65_536, 'selvedge ')
let sent = 0

function* pieces(bytes: number): Generator<Buffer> {
  for (sent = 0; sent < bytes; ) {
    const piece = chunk.subarray(0, Math.min(chunk.length, bytes - sent))
    sent += piece.length
    yield piece
  }
}

function stream(response: ServerResponse, bytes: number): void {
  response.writeHead(200, { 'content-length': bytes })
  // A reader that goes away is no fault of ours.
  pipeline(Readable.from(pieces(bytes), { highWaterMark: 1 }), response).catch(() => {})
}

const server = createServer((request, response) => {
  const url = new URL(request.url ?? '/', 'http://blobs')
  if (request.method === 'PUT') {
    const hash = createHash('sha256')
    let bytes = 0
    request.on('data', (piece: Buffer) => {
      bytes += piece.length
      hash.update(piece)
    })
    request.once('end', () => response.end(JSON.stringify({ bytes, sha256: hash.digest('hex') })))
  } else if (url.pathname === '/sent') response.end(JSON.stringify({ sent }))
  else void stream(response, Number(url.searchParams.get('bytes')))
})
server.listen(Number(process.env.PORT), '127.0.0.1', () => console.log('blobs listens'))
process.once('SIGTERM', () => process.exit(0))
