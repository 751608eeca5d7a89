import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type Wire, wire } from '../../in-process/client.ts'
import { type SidecarUnderTest, until } from '../../in-process/mesh.ts'
import { meshPolicy, type Resource, service, trafficPolicy, workload } from '../../in-process/resources.ts'
import { answering, type Edge, expectInOrder, OK_ONCE, startEdge } from './kit.ts'

// CHECKLIST, H1-22: other protocols than HTTP pass "unless a policy refuses them".

const BY_SERVICE = /TrafficPolicy shop\/app allows/
const BY_MESH = /MeshPolicy shop\/default allows no upgrade at all/
const APP = service('app', { app: 'app' })
const NONE = { allowedUpgrades: [] }

let edge: Edge
/** What the caller's sidecar knows besides policies. */
let known: readonly Resource[]
let times = 0

beforeAll(async () => {
  edge = await startEdge()
  known = [
    ...[edge.app.workload, APP],
    ...[
      workload('plain', { labels: { app: 'plain' }, port: edge.application.port }),
      service('plain', { app: 'plain' }),
    ],
  ]
})
afterEach(async () => {
  times++
  // A revision of its own each time: what is the same as before is no edit.
  await edge.app.edit(APP, service(`again-${times}`, {}))
  await edge.web.edit(...known, service(`again-${times}`, {}))
})
afterAll(() => edge.close())

/** The application takes every switch that it is asked for. */
function switching(): void {
  edge.application.onConnection = socket => {
    socket.on('data', chunk => {
      const asked = /\r\nupgrade: ([^\r]+)/i.exec(chunk.toString('latin1'))?.[1]
      const head = `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${asked}\r\n\r\n`
      socket.write(asked === undefined ? OK_ONCE : head)
    })
    socket.on('end', () => socket.end())
  }
}

function ask(caller: Wire, host: string, protocol = 'websocket'): Wire {
  caller.send(`GET /chat HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`)
  return caller
}

async function counted(sidecar: SidecarUnderTest, direction: string): Promise<number> {
  const text = await sidecar.page('/metrics')
  const series = text
    .split('\n')
    .filter(line => line.startsWith(`selvedge_requests_total{direction="${direction}"`))
    .filter(line => line.includes('code="403"') && line.includes('cause="denied"'))
  return series.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0)
}

interface Refusal {
  readonly call: () => Wire
  readonly host: string
  /** Who refuses. */
  readonly by: SidecarUnderTest
  readonly direction: 'inbound' | 'outbound'
  readonly why: RegExp
  readonly protocol?: string
}

/** The caller is told who forbids it; nothing reaches the application; it is counted and logged; and the connection serves its next request. */
async function expectDenied({ call, host, by, direction, why, protocol }: Refusal): Promise<void> {
  const heard = edge.application.heard.length
  const before = await counted(by, direction)
  const lines = by.log().length
  const caller = ask(call(), host, protocol)
  await caller.match(/^HTTP\/1\.1 403 Forbidden\r\n.*\r\n\r\n.*\n$/s)
  expect(caller.received).toContain('\r\nx-selvedge-cause: denied\r\n')
  expect(caller.received).toMatch(why)
  expect(caller.received).not.toMatch(/upgrade:/i)
  expect(edge.application.heard.slice(heard)).toBe('')
  await until(async () => (await counted(by, direction)) === before + 1)
  const said = by
    .log()
    .slice(lines)
    .filter(({ msg }) => msg === 'Refused a request')
  expect(said).toMatchObject([{ cause: 'denied', why: expect.stringMatching(why) }])
  // What follows is a request, not bytes.
  edge.application.onConnection = answering(() => OK_ONCE)
  caller.send(`GET /next HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
  await caller.match(/HTTP\/1\.1 200 .*ok$/s)
  caller.socket.destroy()
}

async function expectSwitched(caller: Wire, host: string, protocol = 'websocket'): Promise<void> {
  ask(caller, host, protocol)
  await caller.match(/^HTTP\/1\.1 101 .*\r\n\r\n$/s)
  caller.socket.destroy()
}

describe('[H1-22] an upgrade that a policy refuses', () => {
  test.each([
    ['the Service’s', () => trafficPolicy('app', NONE), BY_SERVICE],
    ['the namespace’s', () => meshPolicy(NONE), BY_MESH],
  ])('is refused by the callee’s sidecar, whoever calls: %s policy', async (_whose, policy, why) => {
    switching()
    await edge.app.edit(APP, policy())
    const refusal = { host: 'app', by: edge.app, direction: 'inbound', why } as const
    // Through a caller's sidecar that has not heard of the policy, and by one who has none.
    await expectDenied({ ...refusal, call: edge.doors.application.call })
    await expectDenied({ ...refusal, call: edge.doors.peer.call })
  })

  test('is refused there to plaintext in permissive mode, too', async () => {
    switching()
    await edge.app.edit(APP, meshPolicy({ mtls: 'permissive', ...NONE }))
    const call = () => wire(edge.app.inbound)
    await expectDenied({ call, host: 'app', by: edge.app, direction: 'inbound', why: BY_MESH })
  })

  test('is refused by the caller’s sidecar, where it knows of the policy', async () => {
    switching()
    await edge.web.edit(...known, trafficPolicy('app', NONE))
    const { call } = edge.doors.application
    await expectDenied({ call, host: 'app', by: edge.web, direction: 'outbound', why: BY_SERVICE })
    // Whose sidecar has not heard of it lets others in.
    switching()
    await expectSwitched(edge.doors.peer.call(), 'app')
  })

  test('is refused there alone to a Service without sidecars', async () => {
    switching()
    await edge.web.edit(...known, trafficPolicy('plain', NONE))
    const why = /TrafficPolicy shop\/plain allows no upgrade at all/
    const { call } = edge.doors.application
    await expectDenied({ call, host: 'plain', by: edge.web, direction: 'outbound', why })
  })

  test('is one to a protocol that it does not name; to those that it names connections switch', async () => {
    switching()
    await edge.app.edit(APP, trafficPolicy('app', { allowedUpgrades: ['X-Mine'] }))
    for (const { call } of [edge.doors.application, edge.doors.peer]) {
      switching()
      await expectSwitched(call(), 'app', 'x-mine')
      const why = /TrafficPolicy shop\/app allows upgrades to x-mine alone/
      await expectDenied({ call, host: 'app', by: edge.app, direction: 'inbound', why })
    }
  })

  test('passes when the policy has gone, and a Service’s policy allows what its namespace’s refuses', async () => {
    switching()
    await edge.app.edit(APP, meshPolicy(NONE), trafficPolicy('app', { allowedUpgrades: ['*'] }))
    await expectSwitched(edge.doors.application.call(), 'app')
    await edge.app.edit(APP)
    await expectSwitched(edge.doors.application.call(), 'app')
  })

  test('is none where no other protocol than HTTP is asked for: such requests are served without it', async () => {
    edge.application.onConnection = answering(() => OK_ONCE)
    await edge.app.edit(APP, trafficPolicy('app', NONE))
    for (const upgrade of ['h2c', 'HTTP/2.0', 'websocket, h2c']) {
      const caller = ask(edge.doors.peer.call(), 'app', upgrade)
      await caller.match(/^HTTP\/1\.1 200 .*ok$/s)
      caller.socket.destroy()
    }
  })

  test('is refused to the extended CONNECT of HTTP/2 as well (RFC 8441), by both sidecars', async () => {
    const status = async (): Promise<unknown> => {
      const session = connectHttp2(`http://127.0.0.1:${edge.web.outbound}`)
      try {
        await once(session, 'remoteSettings')
        const stream = session.request({
          ':method': 'CONNECT',
          ':protocol': 'websocket',
          ':path': '/chat',
          ':authority': 'app',
        })
        stream.on('error', () => undefined)
        const [head] = (await once(stream, 'response')) as [Readonly<Record<string, unknown>>]
        stream.close()
        return [head[':status'], head['x-selvedge-cause']]
      } finally {
        session.destroy()
      }
    }
    const heard = edge.application.heard.length
    await edge.app.edit(APP, trafficPolicy('app', NONE))
    expect(await status()).toEqual([403, 'denied'])
    await edge.app.edit(APP)
    await edge.web.edit(...known, trafficPolicy('app', NONE))
    expect(await status()).toEqual([403, 'denied'])
    expect(edge.application.heard.slice(heard)).toBe('')
    switching()
    await edge.web.edit(...known)
    expect(await status()).toEqual([200, undefined])
  })

  test('leaves nothing behind', () => expectInOrder(edge))
})
