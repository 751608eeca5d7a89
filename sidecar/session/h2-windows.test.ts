import { expect, test } from 'vitest'
import {
  block,
  data,
  END_HEADERS,
  headers,
  PREFACE,
  readFrames,
  request,
  settings,
  TYPE,
} from '../../test/conformance/h2/wire.ts'
import { FakeSocket, settled } from '../../test/fakes/socket.ts'
import { ServerFirst } from '../detect/mod.ts'
import type { Exchange } from '../http/mod.ts'
import { Turn } from '../transport/mod.ts'
import { H2ServerSession } from './h2-server.ts'
import type { ServerHost } from './server-host.ts'

const FLOW_CONTROL_ERROR = 3

function serve() {
  const socket = new FakeSocket({ allowHalfOpen: true })
  const refused: string[] = []
  const begun: Exchange[] = []
  const host: ServerHost = {
    turn: new Turn(() => 1_000),
    serverFirst: new ServerFirst(() => 1_000),
    begin: x => void begun.push(x),
    connect: () => {},
    accept: () => {},
    refused: (_, { detail }) => void refused.push(detail),
    detected: () => {},
    broken: error => {
      throw error
    },
    opened: () => {},
    closed: () => {},
    draining: () => false,
  }
  new H2ServerSession(socket.asSocket, { kind: 'application' }, 0, host)
  return { socket, refused, begun }
}

const frames = (socket: FakeSocket) => readFrames(Buffer.from(socket.sent, 'latin1')).frames

/** The windows that it has announced: of the connection, and of each stream. */
function windows(socket: FakeSocket): { connection: number; stream: number } {
  const said = frames(socket)
  const ours = said.find(({ type, flags }) => type === TYPE.SETTINGS && flags === 0)!.payload
  let stream = 65_535
  for (let at = 0; at < ours.length; at += 6) if (ours.readUInt16BE(at) === 4) stream = ours.readUInt32BE(at + 2)
  const more = said.filter(({ type, stream: id }) => type === TYPE.WINDOW_UPDATE && id === 0)
  return { connection: 65_535 + more.reduce((sum, { payload }) => sum + payload.readUInt32BE(0), 0), stream }
}

/** Streams that fill the window of the connection, each within its own; nobody reads them. `extra` bytes more on the last. */
function filling({ connection, stream }: { connection: number; stream: number }, extra: number): Buffer {
  const parts: Buffer[] = [PREFACE, settings()]
  let left = connection + extra
  for (let id = 1; left > 0; id += 2) {
    parts.push(headers(id, block(request('POST', '/')), END_HEADERS))
    for (let room = Math.min(stream, left); room > 0; ) {
      const bytes = Math.min(room, 16_384)
      parts.push(data(id, Buffer.alloc(bytes)))
      room -= bytes
      left -= bytes
    }
  }
  return Buffer.concat(parts)
}

test('[H2-7] more DATA than the window of the connection: GOAWAY FLOW_CONTROL_ERROR', async () => {
  const { socket, refused } = serve()
  await settled()
  await socket.receive(filling(windows(socket), 1))
  const goaway = frames(socket).find(({ type }) => type === TYPE.GOAWAY)
  expect(goaway?.payload.readUInt32BE(4)).toBe(FLOW_CONTROL_ERROR)
  expect(refused).toEqual([expect.stringMatching(/window of the connection/)])
  expect(socket.finished).toBe(true)
})

test('[H2-7] all of it, at once, is taken; and the window is given back, whoever reads or does not', async () => {
  const { socket, begun } = serve()
  await settled()
  const window = windows(socket)
  await socket.receive(filling(window, 0))
  expect(frames(socket).filter(({ type }) => type === TYPE.GOAWAY || type === TYPE.RST_STREAM)).toEqual([])
  expect(begun.length).toBe(Math.ceil(window.connection / window.stream))
  expect(windows(socket).connection).toBe(2 * window.connection)
})
