import { FakeSocket, settled } from '../../test/fakes/socket.ts'
import { ServerFirst } from '../detect/mod.ts'
import { type Exchange, ownHead, type TunnelEnd, type TunnelNear } from '../http/mod.ts'
import { Turn } from '../transport/mod.ts'
import { type Bound, Door } from './mod.ts'

export const MYSQL: Bound = { authority: 'mysql:3306', speaks: 'anything' }

/** The far side of one tunnel, and what it was told. */
export interface FakeFar {
  readonly x: Exchange
  readonly told: string[]
  /** `undefined` while nobody has connected it, or nobody wants it. */
  readonly near: TunnelNear | undefined
  /** What `data` answers. */
  open: boolean
  connect(): void
  refuse(): void
}

/** A door whose exchanges of bytes are connected, or refused, by the test. */
export function detecting(serverFirst?: ServerFirst) {
  const clock = { nowMs: 0 }
  const known = serverFirst ?? new ServerFirst(() => clock.nowMs)
  const heard: string[] = []
  const requests: Exchange[] = []
  const fars: FakeFar[] = []
  const door = new Door({
    turn: new Turn(() => clock.nowMs),
    serverFirst: known,
    begin: x => {
      if (x.request.method === 'CONNECT') fars.push(fakeFar(x))
      else requests.push(x)
    },
    connect: () => {},
    refused: why => void heard.push(`refused ${why.status}`),
    detected: found => void heard.push(found),
    broken: error => void heard.push(`broken ${error instanceof Error ? error.message : error}`),
    draining: () => false,
    idleMs: 300_000,
  })
  async function accept(bound: Bound | undefined, first?: string): Promise<FakeSocket> {
    const socket = new FakeSocket({ allowHalfOpen: true })
    door.accept({
      ...{ socket: socket.asSocket, caller: { kind: 'application' }, port: 0, reads: undefined, bound },
      first: first === undefined ? undefined : Buffer.from(first, 'latin1'),
    })
    await settled()
    return socket
  }
  const far = (): FakeFar => {
    const last = fars.at(-1)
    if (last === undefined) throw new Error('nothing has been connected')
    return last
  }
  return { door, clock, known, heard, requests, fars, far, accept }
}

function fakeFar(x: Exchange): FakeFar {
  const told: string[] = []
  let near: TunnelNear | undefined
  const end: TunnelEnd = {
    data: chunk => {
      told.push(chunk.toString('latin1'))
      return made.open
    },
    end: () => void told.push('<end>'),
    closed: () => void told.push('<closed>'),
    drained: () => void told.push('<drained>'),
  }
  x.carrier = { cancel: () => void told.push('<cancelled>'), drained: () => {} }
  const made: FakeFar = {
    x,
    told,
    get near() {
      return near
    },
    open: true,
    connect: () => {
      x.carrier = undefined
      near = x.switchProtocols(ownHead(200, 'OK', [], 0), end)
    },
    refuse: () => {
      x.carrier = undefined
      x.respond(ownHead(503, 'Service Unavailable', [], 0))
      x.end(undefined)
    },
  }
  return made
}
