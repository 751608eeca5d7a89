import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls'

/** What a client got for its handshake and one request. */
export interface Got {
  /** All bytes above TLS. */
  readonly received: string
  /** OpenSSL's words, where the handshake or the connection ended with an error: alerts are named there. */
  readonly error: string
  /** Sessions that the server offered to resume. */
  readonly sessions: readonly Buffer[]
  readonly reused: boolean
}

const ANSWER_MS_MAX = 8_000

export const GET = 'GET / HTTP/1.1\r\nHost: catalog\r\nConnection: close\r\n\r\n'

/** Sends `head` once the handshake is done, and settles when the connection has ended. */
export function tlsAsk(port: number, options: ConnectionOptions, head: string = GET): Promise<Got> {
  return new Promise((resolve, reject) => {
    const socket: TLSSocket = connect({ host: '127.0.0.1', port, ...options })
    const got = { received: '', error: '', sessions: [] as Buffer[], reused: false }
    const timer = setTimeout(() => {
      socket.destroy()
      reject(new Error(`neither answered nor ended within ${ANSWER_MS_MAX} ms: ${got.received}`))
    }, ANSWER_MS_MAX)
    socket.on('session', session => got.sessions.push(session))
    socket.on('secureConnect', () => {
      got.reused = socket.isSessionReused()
      socket.write(head)
    })
    socket.on('data', chunk => {
      got.received += chunk.toString('latin1')
    })
    socket.on('error', error => {
      got.error = error.message
    })
    socket.on('close', () => {
      clearTimeout(timer)
      resolve(got)
    })
  })
}
