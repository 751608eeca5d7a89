import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, Socket } from 'node:net'
import { connect as connectTls, createServer as createTlsServer, type TLSSocket } from 'node:tls'
import { afterEach, expect, test } from 'vitest'
import { moveToSharedReads, SharedReads, shareReads } from '../../sidecar/transport/mod.ts'

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

/** A key and a certificate for nobody in particular. */
function pair(): { key: string; cert: string } {
  const args = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=test']
  const pem = execFileSync('openssl', [...args, '-keyout', '-', '-out', '-'], { stdio: ['ignore', 'pipe', 'ignore'] })
  const [key = '', cert = ''] = pem.toString().split(/(?=-----BEGIN CERTIFICATE)/)
  return { key, cert }
}

async function serveTls(accepted: (socket: TLSSocket) => void): Promise<number> {
  server = createTlsServer(pair(), accepted)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

test('accepted TLS sockets read into the shared buffer, large and small, without mixing what they read', async () => {
  const shared = new SharedReads()
  const port = await serveTls(socket => {
    const sharing = shareReads(socket, shared)
    if (sharing === undefined) throw new Error('the pinned Node lets TLS sockets read into a buffer of ours')
    const echoed = (chunk: Buffer): boolean => socket.write(Buffer.from(chunk))
    if (sharing.early !== undefined) echoed(sharing.early)
    sharing.reads.take = echoed
    socket.on('end', () => socket.end())
    socket.on('error', () => undefined)
  })
  const texts = Array.from({ length: 20 }, (_, i) => String.fromCharCode(97 + i).repeat(1 + i * 5_000))
  const answers = texts.map(async text => {
    const halfOpen = { allowHalfOpen: true }
    const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false, ...halfOpen })
    await once(socket, 'secureConnect')
    socket.write(text)
    let answer = ''
    for await (const chunk of socket.setEncoding('latin1')) {
      answer += chunk
      if (answer.length === text.length) socket.end()
    }
    return answer
  })
  expect(await Promise.all(answers)).toEqual(texts)
})

test('what came along with the end of the TLS handshake is not lost', async () => {
  const heard = Promise.withResolvers<string>()
  const port = await serveTls(socket => {
    let text = ''
    // As late as can be: by now the stream has read what came first.
    setTimeout(() => {
      const sharing = shareReads(socket, new SharedReads())
      if (sharing === undefined) throw new Error('the pinned Node lets TLS sockets read into a buffer of ours')
      const take = (chunk: Buffer): void => {
        text += chunk.toString('latin1')
        if (text.endsWith('!')) heard.resolve(text)
      }
      sharing.reads.take = take
      if (sharing.early !== undefined) take(sharing.early)
    }, 50)
  })
  const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false })
  // Node sends this together with the client's Finished.
  socket.write('first ')
  await once(socket, 'secureConnect')
  setTimeout(() => socket.write('last!'), 100)
  expect(await heard.promise).toBe('first last!')
  socket.destroy()
})

test('a paused TLS socket is not read until it is resumed', async () => {
  const read: string[] = []
  let accepted: TLSSocket | undefined
  const port = await serveTls(socket => {
    accepted = socket
    const sharing = shareReads(socket, new SharedReads())
    if (sharing === undefined) return
    sharing.reads.take = chunk => {
      read.push(chunk.toString())
      socket.pause()
    }
  })
  const caller = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false })
  await once(caller, 'secureConnect')
  caller.write('first')
  await expect.poll(() => read).toEqual(['first'])
  await new Promise(resolve => caller.write('second', resolve))
  await new Promise(resolve => setTimeout(resolve, 30))
  expect(read).toEqual(['first'])
  accepted?.resume()
  await expect.poll(() => read).toEqual(['first', 'second'])
  caller.destroy()
  accepted?.destroy()
})

test('a socket that is read as a stream stays one', () => {
  const flowing = new Socket()
  flowing.on('data', () => undefined)
  expect(shareReads(flowing, new SharedReads())).toBeUndefined()
  expect(shareReads(new Socket(), new SharedReads())).toBeUndefined()
})
