// Opens COUNT connections to the HTTP proxy of HTTP_PROXY, asks for URL once on each, and keeps all of them open and idle until it is ended.
// It prints `held COUNT` when each has had its whole answer.
import { connect, type Socket } from 'node:net'

const count = Number(process.env.COUNT)
const url = new URL(process.env.URL ?? '')
const proxy = new URL(process.env.HTTP_PROXY ?? '')
/** So many are being opened at a time: a listener's backlog has its bounds. */
const LANES = 50
const held: Socket[] = []

function hold(): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(proxy.port), proxy.hostname)
    socket.once('error', reject)
    socket.once('close', () => reject(new Error('A connection that should be idle was closed')))
    let text = ''
    const onData = (chunk: Buffer): void => {
      text += chunk.toString('latin1')
      const head = text.indexOf('\r\n\r\n')
      const length = Number(/^content-length: *([0-9]+)/im.exec(text)?.[1] ?? Number.NaN)
      if (head === -1 || text.length < head + 4 + length) return
      if (!text.startsWith('HTTP/1.1 200')) reject(new Error(text.slice(0, head)))
      socket.removeListener('data', onData)
      held.push(socket)
      resolve()
    }
    socket.on('data', onData)
    socket.write(`GET ${url.pathname} HTTP/1.1\r\nHost: ${url.host}\r\n\r\n`)
  })
}

let left = count
async function lane(): Promise<void> {
  while (left-- > 0) await hold()
}

await Promise.all(Array.from({ length: LANES }, lane))
console.log(`held ${held.length}`)
process.once('SIGTERM', () => process.exit(0))
setInterval(() => {}, 60_000)
