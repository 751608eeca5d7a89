// What Go's http.DefaultTransport puts on the wire, byte for byte, for machines without Go: absolute-form to HTTP_PROXY, on one
// connection that is kept.
import { once } from 'node:events'
import { connect } from 'node:net'

const proxy = new URL(process.env.HTTP_PROXY ?? '')
const socket = connect(Number(proxy.port), proxy.hostname)
await once(socket, 'connect')
for (;;) {
  socket.write(
    'GET http://pages.shop/from-go HTTP/1.1\r\nHost: pages.shop\r\nUser-Agent: Go-http-client/1.1\r\nAccept-Encoding: gzip\r\n\r\n',
  )
  let answer = ''
  while (!answer.endsWith('\n') || !answer.includes('\r\n\r\n')) answer += String((await once(socket, 'data'))[0])
  const [head = '', body = ''] = answer.split('\r\n\r\n')
  console.log(`go got ${head.split(' ')[1]}: ${body.trim()}`)
  await new Promise(resolve => setTimeout(resolve, 500))
}
