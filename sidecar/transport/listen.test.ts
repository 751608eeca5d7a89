import { EventEmitter } from 'node:events'
import type { ListenOptions, Server } from 'node:net'
import { describe, expect, test } from 'vitest'
import { listen } from './listen.ts'

const HOST = '127.0.0.1'

/** A system that refuses. */
function refusing(code: string): Server {
  const fake = Object.assign(new EventEmitter(), {
    listen: (_options: ListenOptions) =>
      queueMicrotask(() => fake.emit('error', Object.assign(new Error('no'), { code }))),
  })
  return fake as unknown as Server
}

describe('a port', () => {
  test.each(['ENOTSUP', 'EINVAL', 'ENOPROTOOPT'])(
    'cannot be shared where the system says %s: what to do is said',
    async code => {
      expect(await listen(refusing(code), HOST, 15_001, '--outbound-port', true)).toEqual({
        ok: false,
        error: `Cannot share 127.0.0.1:15001: this system knows no SO_REUSEPORT (${code}). Use --workers 1.`,
      })
    },
  )

  test("that can't be had for another reason is told that reason", async () => {
    expect(await listen(refusing('EACCES'), HOST, 80, '--outbound-port', true)).toMatchObject({
      ok: false,
      error: 'Cannot listen on 127.0.0.1:80: no. Choose another port with --outbound-port (0 takes a free one).',
    })
  })
})
