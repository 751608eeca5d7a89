import { createServer, type Server } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { listen } from '../../sidecar/transport/mod.ts'

const HOST = '127.0.0.1'
const open: Server[] = []
afterEach(() => {
  for (const server of open.splice(0)) server.close()
})

function server(): Server {
  const made = createServer()
  open.push(made)
  return made
}

describe('a port', () => {
  test('that is shared is given to all who share it, and to nobody else', async () => {
    const first = await listen(server(), HOST, 0, '--outbound-port', true)
    if (!first.ok) throw new Error(first.error)
    expect(await listen(server(), HOST, first.value, '--outbound-port', true)).toEqual(first)
    expect(await listen(server(), HOST, first.value, '--outbound-port')).toMatchObject({
      ok: false,
      error: `Cannot listen on 127.0.0.1:${first.value}: the port is in use. Choose another port with --outbound-port (0 takes a free one).`,
    })
  })

  test('that somebody has alone is shared with nobody', async () => {
    const alone = await listen(server(), HOST, 0, '--outbound-port')
    if (!alone.ok) throw new Error(alone.error)
    expect((await listen(server(), HOST, alone.value, '--outbound-port', true)).ok).toBe(false)
  })
})
