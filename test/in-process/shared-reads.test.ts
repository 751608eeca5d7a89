import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, Socket } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { moveToSharedReads, SharedReads } from '../../sidecar/transport/mod.ts'

let server: Server | undefined

afterEach(() => {
  server?.close()
})

async function serve(accepted: (socket: Socket) => void): Promise<number> {
  server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, accepted)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

/** Answers what comes with itself, through shared reads. */
function echo(shared: SharedReads): (socket: Socket) => void {
  return accepted => {
    const moved = moveToSharedReads(accepted, shared)
    if (moved === undefined) throw new Error('the pinned Node lets accepted sockets be moved')
    moved.reads.take = chunk => moved.socket.write(Buffer.from(chunk))
    moved.socket.on('end', () => moved.socket.end())
    moved.socket.on('error', () => undefined)
  }
}

async function answerTo(port: number, text: string): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  socket.end(text)
  let answer = ''
  for await (const chunk of socket.setEncoding('utf8')) answer += chunk
  return answer
}

test('a moved socket reads, writes, and hears the end of its caller', async () => {
  const port = await serve(echo(new SharedReads()))
  expect(await answerTo(port, 'hello')).toBe('hello')
})

test('many sockets read into one buffer without mixing what they read', async () => {
  const port = await serve(echo(new SharedReads()))
  const texts = Array.from({ length: 50 }, (_, i) => String(i).repeat(20_000))
  expect(await Promise.all(texts.map(text => answerTo(port, text)))).toEqual(texts)
})

test('the server still counts its connections, and closes when the last has gone', async () => {
  const port = await serve(echo(new SharedReads()))
  const caller = connect({ port, host: '127.0.0.1' })
  await once(caller, 'connect')
  caller.write('x')
  await once(caller, 'data')
  const counted = await new Promise(resolve => server?.getConnections((_error, count) => resolve(count)))
  expect(counted).toBe(1)
  const closed = once(server as Server, 'close')
  server?.close()
  caller.destroy()
  await closed
})

test('a paused socket is not read until it is resumed', async () => {
  let moved: ReturnType<typeof moveToSharedReads>
  const read: string[] = []
  const port = await serve(accepted => {
    moved = moveToSharedReads(accepted, new SharedReads())
    if (moved === undefined) return
    const { socket, reads } = moved
    reads.take = chunk => {
      read.push(chunk.toString())
      socket.pause()
    }
  })
  const caller = connect({ port, host: '127.0.0.1' })
  await once(caller, 'connect')
  caller.write('first')
  await expect.poll(() => read).toEqual(['first'])
  await new Promise(resolve => caller.write('second', resolve))
  expect(read).toEqual(['first'])
  moved?.socket.resume()
  await expect.poll(() => read).toEqual(['first', 'second'])
  caller.destroy()
  moved?.socket.destroy()
})

test('a socket without the internal fields, or that has been read from, stays as it is', () => {
  const shared = new SharedReads()
  const bare = new Socket()
  expect(moveToSharedReads(bare, shared)).toBeUndefined()
  expect(bare.destroyed).toBe(false)
})
