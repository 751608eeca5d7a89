import type { Socket } from 'node:net'
import { connect } from 'node:tls'
import { expect } from 'vitest'
import type { Protocol } from '../../../model/snapshot/mod.ts'
import type { StartOptions } from '../../../sidecar/app.ts'
import { type Application, byteApplication } from '../../fakes/application.ts'
import { type Wire, wire, wireOver } from '../../in-process/client.ts'
import { type Mesh, type SidecarUnderTest, startMesh, until } from '../../in-process/mesh.ts'
import { type Resource, service, workload } from '../../in-process/resources.ts'
import { peerOptions } from './peer.ts'

/** One of the two places at which a sidecar is spoken to: by its own application, or by other sidecars. */
export interface DoorUnderTest {
  readonly name: DoorName
  readonly sidecar: SidecarUnderTest
  /** A connection, ready to be written to. */
  call(): Wire
}

export type DoorName = 'application' | 'peer'
export const DOORS: readonly DoorName[] = ['application', 'peer']

/** Two sidecars, an application behind one of them, and both doors. The application answers as `answer` says. */
export interface Edge {
  readonly mesh: Mesh
  readonly doors: Readonly<Record<DoorName, DoorUnderTest>>
  readonly application: RecordingApplication
  /** The caller's side, and the one beside the application. */
  readonly web: SidecarUnderTest
  readonly app: SidecarUnderTest
  /** How many have been seen so far. */
  readonly refusals: Record<DoorName, number>
  /** Ends all connections of the application, which goes on to serve. */
  freshApplication(): Promise<void>
  close(): Promise<void>
}

/** An application that notes every byte. */
export interface RecordingApplication extends Application {
  /** All that has come in, in latin1. */
  readonly heard: string
  /** What becomes of a connection. By default each request that has come whole is answered with `ok`. */
  onConnection: (socket: Socket) => void
}

export interface EdgeWish {
  readonly options?: StartOptions
  /** What the application is declared to speak; `http` by default. */
  readonly protocol?: Protocol
  readonly resources?: (app: SidecarUnderTest) => readonly Resource[]
}

/** The service is `app`, with a sidecar; `plain` is the same application without one. */
export async function startEdge({
  options = {},
  protocol = 'http',
  resources = () => [],
}: EdgeWish = {}): Promise<Edge> {
  const mesh = startMesh()
  const application = await mesh.with(recordingApplication())
  const app = await mesh.sidecar('app', { port: application.port, protocol, labels: { app: 'app' }, options })
  const web = await mesh.sidecar('web', {
    options,
    resources: [
      ...[app.workload, service('app', { app: 'app' })],
      ...[workload('plain', { labels: { app: 'plain' }, port: application.port }), service('plain', { app: 'plain' })],
      ...resources(app),
    ],
  })
  const peer = peerOptions(mesh.caDir)
  return {
    ...{ mesh, application, web, app },
    refusals: { application: 0, peer: 0 },
    doors: {
      application: { name: 'application', sidecar: web, call: () => wire(web.outbound) },
      peer: { name: 'peer', sidecar: app, call: () => wireOver(connect({ port: app.inbound, ...peer })) },
    },
    freshApplication: async () => {
      await application.close()
      await application.reopen()
      // The sidecars hear of it.
      await new Promise(resolve => setTimeout(resolve, 10))
    },
    close: () => mesh.close(),
  }
}

export const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'
/** As `OK`, on a connection that serves nothing more. */
export const OK_ONCE = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok'

/** Answers each whole request on its connection with `ok`, or with what `answer` makes of its head. */
export function answering(answer: (head: string) => string = () => OK): (socket: Socket) => void {
  return socket => {
    let held = ''
    socket.on('data', chunk => {
      held += chunk.toString('latin1')
      for (let end = requestEnd(held); end !== -1; end = requestEnd(held)) {
        const head = held.slice(0, end)
        held = held.slice(end)
        socket.write(answer(head), 'latin1')
      }
    })
    socket.on('end', () => socket.end())
  }
}

/** Where the first request of a well-formed text ends; -1 while it isn't whole. What comes from a sidecar is well-formed. */
function requestEnd(text: string): number {
  const head = text.indexOf('\r\n\r\n')
  if (head === -1) return -1
  const fields = text.slice(0, head).toLowerCase()
  const body = head + 4
  if (fields.includes('\r\ntransfer-encoding: chunked')) {
    // The last chunk, and its trailers.
    const last = /\r\n0\r\n(?:[^\r\n]+\r\n)*\r\n/.exec(text.slice(body - 2))
    return last === null ? -1 : body - 2 + last.index + last[0].length
  }
  const length = Number(/\r\ncontent-length: *([0-9]+)/.exec(fields)?.[1] ?? 0)
  return text.length < body + length ? -1 : body + length
}

async function recordingApplication(): Promise<RecordingApplication> {
  let heard = ''
  const state = { onConnection: answering() }
  const application = await byteApplication(socket => {
    socket.on('data', chunk => {
      heard += chunk.toString('latin1')
    })
    state.onConnection(socket)
  })
  return {
    get port() {
      return application.port
    },
    get seen() {
      return application.seen
    },
    get open() {
      return application.open
    },
    close: () => application.close(),
    reopen: () => application.reopen(),
    get heard() {
      return heard
    },
    get onConnection() {
      return state.onConnection
    },
    set onConnection(next) {
      state.onConnection = next
    },
  }
}

// ---- what is looked at

/** The value of one series of a sidecar's metrics; 0 when it isn't there. */
export async function counter(sidecar: SidecarUnderTest, series: string): Promise<number> {
  const text = await sidecar.page('/metrics')
  const line = text.split('\n').find(each => each.startsWith(`${series} `))
  return line === undefined ? 0 : Number(line.slice(series.length + 1))
}

export const REFUSED = 'selvedge_refusals_total{cause="bad-request"}'

/** What a caller sees of a refusal. */
export interface Refusal {
  readonly status: number
  readonly cause: string
  /** What its log line says. */
  readonly why: RegExp
}

/**
 * What a refusal promises: the caller is told the status and the cause, and its connection ends; nothing reaches the application; the log
 * names the cause; and the process lives. That a counter goes up is looked at by `expectCounted`, for all of them together.
 */
export async function expectRefusal(edge: Edge, name: DoorName, pieces: readonly string[], refusal: Refusal) {
  const door = edge.doors[name]
  const heard = edge.application.heard.length
  const caller = door.call()
  for (const piece of pieces) {
    caller.send(Buffer.from(piece, 'latin1'))
    if (pieces.length > 1) await new Promise(resolve => setTimeout(resolve, 5))
  }
  await caller.match(/^HTTP\/1\.1 [0-9]{3} [^\r]*\r\n.*\r\n\r\n/s)
  expect(caller.received).toMatch(new RegExp(`^HTTP/1\\.1 ${refusal.status} `))
  expect(caller.received).toContain(`\r\nx-selvedge-cause: ${refusal.cause}\r\n`)
  expect(caller.received).toContain('\r\nconnection: close\r\n')
  expect(await caller.ended()).toBe('end')
  expect(caller.received.match(/HTTP\/1\.1 /g)).toHaveLength(1)
  caller.socket.destroy()
  // What came in one piece is refused before anything has left; a body that goes wrong later never looks whole.
  if (pieces.length === 1) expect(edge.application.heard.slice(heard)).toBe('')
  else expect(edge.application.heard.slice(heard)).not.toMatch(/0\r\n\r\n$/)
  edge.refusals[name]++
  const said = door.sidecar.log().filter(({ msg }) => msg === 'Refused a request')
  expect(said.some(({ why, cause }) => refusal.why.test(String(why)) && cause === refusal.cause)).toBe(true)
  await expectAlive(edge, name)
}

/** Each refusal so far was counted, once. The page may be some seconds old on a machine that is busy: it is rationed. */
export async function expectCounted(edge: Edge): Promise<void> {
  for (const name of DOORS) {
    await until(async () => (await counter(edge.doors[name].sidecar, REFUSED)) >= edge.refusals[name])
    expect(await counter(edge.doors[name].sidecar, REFUSED)).toBe(edge.refusals[name])
  }
}

/** The same sidecar serves the next. */
export async function expectAlive(edge: Edge, name: DoorName): Promise<void> {
  const next = edge.doors[name].call()
  next.send('GET /alive HTTP/1.1\r\nHost: app\r\nConnection: close\r\n\r\n')
  await next.match(/^HTTP\/1\.1 200 .*ok$/s)
  next.socket.destroy()
}

/** Nothing broke in either sidecar, and nothing is left under way. */
export async function expectInOrder(edge: Edge): Promise<void> {
  for (const sidecar of [edge.web, edge.app]) {
    expect(await counter(sidecar, 'selvedge_broken_exchanges_total')).toBe(0)
  }
  await until(async () =>
    (await edge.web.endpoints()).every(
      ({ breaker, endpoints }) => breaker.requests === 0 && endpoints.every(({ pending }) => pending === 0),
    ),
  )
}
