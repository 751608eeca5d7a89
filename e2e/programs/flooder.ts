// Floods the HTTP/2 port that it is given, in each of the ways that there are, connection after connection, until it is ended. Says how often it was
// told to calm down. No more of it than one hostile program on the same machine: between two connections it waits.
import { once } from 'node:events'
import { connect } from 'node:net'
import {
  ACK,
  block,
  CODE,
  continuation,
  data,
  END_HEADERS,
  END_STREAM,
  headers,
  PREFACE,
  ping,
  priority,
  readFrames,
  request,
  reset,
  settings,
  settingsAck,
  string,
  TYPE,
  times,
  windowUpdate,
} from '../../test/conformance/h2/wire.ts'

const PAUSE_MS = 25
const [port = '', authority = ''] = process.argv.slice(2)
const to = (method: string) =>
  block(request(method, '/flood').map(([name, value]) => [name, name === ':authority' ? authority : value]))
const GET = to('GET')
const WHOLE = END_HEADERS | END_STREAM
const ids = Array.from({ length: 5_000 }, (_, i) => 1 + i * 2)

const FLOODS: readonly Buffer[] = [
  Buffer.concat(ids.map(id => Buffer.concat([headers(id, GET, WHOLE), reset(id, CODE.CANCEL)]))),
  Buffer.concat(ids.map(id => Buffer.concat([headers(id, GET, WHOLE), windowUpdate(id, 0)]))),
  Buffer.concat([headers(1, GET, END_STREAM), times(50, continuation(1, Buffer.alloc(16_384)))]),
  Buffer.concat([headers(1, GET, END_STREAM), times(20_000, continuation(1, Buffer.alloc(0)))]),
  headers(
    1,
    Buffer.concat([GET, Buffer.from([0x40]), string('x'), string('v'.repeat(4_000)), Buffer.alloc(12_000, 0xbe)]),
    WHOLE,
  ),
  Buffer.concat([headers(1, to('POST'), END_HEADERS), times(20_000, data(1, ''))]),
  ...[settings(), settingsAck(), ping(), ping(ACK), priority(1, 3), windowUpdate(0, 1)].map(one => times(20_000, one)),
]

let calmed = 0
for (let i = 0; ; i++) {
  const socket = connect(Number(port), '127.0.0.1')
  socket.on('error', () => undefined)
  let held = Buffer.alloc(0)
  socket.on('data', (chunk: Buffer) => {
    const { frames, rest } = readFrames(Buffer.concat([held, chunk]))
    held = Buffer.from(rest)
    if (frames.some(({ type, payload }) => type === TYPE.GOAWAY && payload.readUInt32BE(4) === CODE.ENHANCE_YOUR_CALM))
      calmed++
  })
  socket.on('end', () => socket.end())
  socket.write(Buffer.concat([PREFACE, settings(), FLOODS[i % FLOODS.length]!]))
  await once(socket, 'close').catch(() => undefined)
  console.log(`calmed ${calmed} of ${i + 1}`)
  await new Promise(resolve => setTimeout(resolve, PAUSE_MS))
}
