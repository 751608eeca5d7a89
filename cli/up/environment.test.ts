import { expect, test } from 'vitest'
import { ownEnvironment, programEnvironment } from './environment.ts'

const place = { outboundPort: 15001, port: 8080, env: { MODE: 'demo' }, nodePath: '/opt/node/bin/node' }

test('a program is sent through its sidecar by every variable that clients read', () => {
  const env = programEnvironment({ PATH: '/bin', SELVEDGE_TOKEN: 'secret', HOME: '/home/weaver' }, place)
  expect(env).toEqual({
    PATH: '/opt/node/bin:/bin',
    HOME: '/home/weaver',
    http_proxy: 'http://127.0.0.1:15001',
    HTTP_PROXY: 'http://127.0.0.1:15001',
    NO_PROXY: '127.0.0.1,localhost,::1',
    no_proxy: '127.0.0.1,localhost,::1',
    NODE_USE_ENV_PROXY: '1',
    PORT: '8080',
    MODE: 'demo',
  })
})

test('a pure client is told no port', () => {
  expect(programEnvironment({}, { ...place, port: undefined })).not.toHaveProperty('PORT')
})

test("the Process's own variables win", () => {
  expect(programEnvironment({}, { ...place, env: { PORT: '1' } }).PORT).toBe('1')
})

test('our own programs see neither proxies nor what was meant for the command', () => {
  const inherited = {
    http_proxy: 'http://corp',
    HTTPS_PROXY: 'http://corp',
    SELVEDGE_SERVER: 'x',
    HOME: '/home/weaver',
  }
  expect(ownEnvironment(inherited, { SELVEDGE_JOIN_TOKEN: 't' })).toEqual({
    HOME: '/home/weaver',
    SELVEDGE_JOIN_TOKEN: 't',
  })
})
