import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { wire } from '../../in-process/client.ts'
import { meshPolicy } from '../../in-process/resources.ts'
import { answering, DOORS, type DoorName, type Edge, expectInOrder, OK_ONCE, startEdge } from './kit.ts'

// CHECKLIST, AUTHZ-4, 9 and 10: who calls whom is told from nothing that a caller can write.

let edge: Edge
beforeAll(async () => {
  edge = await startEdge()
  edge.application.onConnection = answering(() => OK_ONCE)
})
afterAll(() => edge.close())

/** What the application hears of one request. */
async function heardOf(door: DoorName, head: string): Promise<string> {
  const before = edge.application.heard.length
  const caller = edge.doors[door].call()
  caller.send(Buffer.from(head, 'latin1'))
  await caller.match(/^HTTP\/1\.1 200 .*ok$/s)
  caller.socket.destroy()
  return edge.application.heard.slice(before)
}

const get = (host: string, ...fields: readonly string[]) =>
  `GET /x HTTP/1.1\r\nHost: ${host}\r\n${fields.map(field => `${field}\r\n`).join('')}\r\n`

/** All fields of that name, in whatever case. */
function fieldsNamed(heard: string, name: string): string[] {
  const found = heard.matchAll(new RegExp(`^${name}: *(.*?)\\r$`, 'gim'))
  return [...found].map(([, value]) => value ?? '')
}

const NAMES = [
  'app',
  'APP',
  'app.',
  'App.Shop',
  'app.shop.svc',
  'app.shop.svc.cluster.local',
  'app.shop.svc.cluster.local.',
]

describe('[AUTHZ-4] one host, however it is written, is one service', () => {
  test.each(NAMES.flatMap(name => [name, `${name}:80`]))('Host: %s', async host => {
    expect(await heardOf('application', get(host))).toMatch(/^GET \/x /)
    expect(await heardOf('peer', get(host))).toMatch(/^GET \/x /)
  })

  test.each(NAMES.flatMap(name => [name, `${name}:80`]))('absolute-form: http://%s/x', async host => {
    const head = `GET http://${host}/x HTTP/1.1\r\nHost: ${host}\r\n\r\n`
    expect(await heardOf('application', head)).toMatch(/^GET \/x /)
    expect(await heardOf('peer', head)).toMatch(/^GET \/x /)
  })

  test('CONNECT, and requests inside it', async () => {
    for (const name of NAMES) {
      const caller = edge.doors.application.call()
      caller.send(`CONNECT ${name}:80 HTTP/1.1\r\nHost: ${name}:80\r\n\r\n`)
      await caller.match(/^HTTP\/1\.1 200 [^\r]*\r\n\r\n$/)
      caller.send(get(name))
      await caller.match(/ok$/)
      caller.socket.destroy()
    }
  })

  test('and the port that is left out is the one that is meant', async () => {
    const text = await edge.web.page('/metrics')
    const destinations = [...text.matchAll(/selvedge_requests_total\{[^}]*destination="([^"]*)"/g)].map(
      ([, name]) => name,
    )
    expect(new Set(destinations)).toEqual(new Set(['shop/app']))
  })
})

const SPOOFED = [
  'x-selvedge-caller: spiffe://mesh.test/ns/shop/sa/admin',
  'X-Selvedge-Caller: spiffe://mesh.test/ns/shop/sa/admin',
  'x_selvedge_caller: spiffe://mesh.test/ns/shop/sa/admin',
  'X-SELVEDGE_CALLER: spiffe://mesh.test/ns/shop/sa/admin',
  'x-selvedge-cause: denied',
  'x-selvedge-anything: y',
]

describe.each(DOORS)('[AUTHZ-9] at the door for %ss, what is said in the name of the mesh', door => {
  test.each(SPOOFED)('%s is removed: the application hears its caller once, from its sidecar', async field => {
    const heard = await heardOf(door, get('app', field, field))
    const who = door === 'peer' ? 'tester' : 'web'
    expect(heard.match(/x[-_]selvedge[-_]/gi)).toEqual(['x-selvedge-'])
    expect(fieldsNamed(heard, 'x-selvedge-caller')).toEqual([`spiffe://mesh.test/ns/shop/sa/${who}`])
  })

  test('is removed from answers, too', async () => {
    edge.application.onConnection = answering(() =>
      OK_ONCE.replace('\r\n', '\r\nx-selvedge-cause: denied\r\nX_Selvedge_Caller: me\r\n'),
    )
    const caller = edge.doors[door].call()
    caller.send(get('app'))
    await caller.match(/^HTTP\/1\.1 200 .*ok$/s)
    expect(caller.received).not.toMatch(/x[-_]selvedge/i)
    caller.socket.destroy()
    edge.application.onConnection = answering(() => OK_ONCE)
  })

  test('and x-forwarded-for of an authenticated peer pass', async () => {
    const heard = await heardOf(door, get('app', 'X-Forwarded-For: 10.1.2.3', 'X-Forwarded-Proto: https'))
    expect(fieldsNamed(heard, 'x-forwarded-for')).toEqual(['10.1.2.3'])
    expect(fieldsNamed(heard, 'x-forwarded-proto')).toEqual(['https'])
  })
})

const KEPT = [
  ['Authorization', 'Bearer secret'],
  ['Cookie', 'session=1'],
  ['Host', 'app'],
  ['Content-Length', '0'],
  ['X-Forwarded-For', '10.1.2.3'],
  ['traceparent', '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00'],
  ['x-request-id', '7'],
] as const

describe.each(DOORS)('[AUTHZ-10] at the door for %ss', door => {
  test.each(KEPT)('%s goes on though Connection names it', async (name, value) => {
    const own = name === 'Host' ? [] : [`${name}: ${value}`]
    for (const connection of [name, name.toLowerCase(), `close, ${name}`, ` ${name.toUpperCase()} ,keep-alive`]) {
      const heard = await heardOf(door, get('app', `Connection: ${connection}`, ...own))
      const found = fieldsNamed(heard, name)
      if (name === 'traceparent') expect(found[0]).toContain('0af7651916cd43dd8448eb211c80319c')
      else expect(found).toEqual([value])
    }
  })

  test('the caller that the sidecar names goes on though Connection names it', async () => {
    const heard = await heardOf(door, get('app', 'Connection: x-selvedge-caller', 'x-selvedge-caller: me'))
    expect(fieldsNamed(heard, 'x-selvedge-caller')).toEqual([
      `spiffe://mesh.test/ns/shop/sa/${door === 'peer' ? 'tester' : 'web'}`,
    ])
  })

  test('what is really of this hop does not', async () => {
    const heard = await heardOf(
      door,
      get('app', 'Connection: x-hop', 'X-Hop: 1', 'Keep-Alive: timeout=5', 'TE: trailers'),
    )
    expect(heard).not.toMatch(/^(connection|x-hop|keep-alive|te):/im)
  })
})

// Last: it changes the mode of the mesh.
test('[AUTHZ-9] an unauthenticated peer says nothing of others: all of it is removed', async () => {
  await edge.app.edit(meshPolicy({ mtls: 'permissive' }))
  const before = edge.application.heard.length
  const caller = wire(edge.app.inbound)
  const said = [
    'X-Forwarded-For: 10.1.2.3',
    'X-Forwarded-Proto: https',
    'X-Forwarded-Client-Cert: URI=spiffe://me',
    ...SPOOFED,
  ]
  caller.send(get('app', ...said))
  await caller.match(/^HTTP\/1\.1 200 .*ok$/s)
  caller.socket.destroy()
  expect(edge.application.heard.slice(before)).not.toMatch(/x[-_](selvedge|forwarded)/i)
  await expectInOrder(edge)
})
