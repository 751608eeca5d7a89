import { get } from 'node:http'
import { type AddressInfo, createServer } from 'node:net'
import { describe, expect, test, vi } from 'vitest'
import { startingPages } from './starting-pages.ts'

// Real sockets: what a probe meets.

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise(resolve => server.close(resolve))
  return port
}

function page(port: number, path: string): Promise<string> {
  return new Promise(resolve => {
    const asked = get({ host: '127.0.0.1', port, path, agent: false }, answer => {
      let text = ''
      answer.on('data', chunk => {
        text += String(chunk)
      })
      answer.on('end', () => resolve(`${answer.statusCode} ${text}`))
    })
    asked.on('error', () => resolve('nothing'))
  })
}

describe('while there is no identity', () => {
  test('a sidecar lives, and is not ready; then the port is free for the pages to come', async () => {
    const port = await freePort()
    const end = startingPages('127.0.0.1', port)
    await vi.waitFor(async () => expect(await page(port, '/livez')).toBe('200 ok\n'), { timeout: 5_000 })
    expect(await page(port, '/healthz')).toBe('200 ok\n')
    expect(await page(port, '/readyz')).toBe('503 no identity yet\n')
    expect(await page(port, '/metrics')).toBe('503 no identity yet\n')
    await end()
    expect(await page(port, '/livez')).toBe('nothing')
  })

  test('nothing is opened where the identity comes soon, nor where no port was named', async () => {
    const port = await freePort()
    const end = startingPages('127.0.0.1', port)
    await end()
    expect(await page(port, '/livez')).toBe('nothing')
    await startingPages('127.0.0.1', 0)()
  })

  test('a port that is in use is left to whoever has it', async () => {
    const server = createServer(socket => {
      socket.resume()
      socket.end('HTTP/1.1 200 OK\r\ncontent-length: 6\r\nconnection: close\r\n\r\nother\n')
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const end = startingPages('127.0.0.1', port)
    await new Promise(resolve => setTimeout(resolve, 400))
    expect(await page(port, '/livez')).toBe('200 other\n')
    await end()
    await new Promise(resolve => server.close(resolve))
  })
})
