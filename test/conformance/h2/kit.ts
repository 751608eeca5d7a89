import { connect as connectTcp } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { expect } from 'vitest'
import { until } from '../../in-process/mesh.ts'
import { counter, type DoorName, type Edge, type EdgeWish, REFUSED, startEdge } from '../h1/kit.ts'
import { peerOptions } from '../h1/peer.ts'
import { RawPeer, type RawWish } from './raw-peer.ts'
import { Upstream } from './upstream.ts'
import { CODE, request, TYPE } from './wire.ts'

export { counter, DOORS, type DoorName, expectInOrder } from '../h1/kit.ts'

/** The two doors of an edge, over HTTP/2: h2c by prior knowledge for the application, ALPN over mTLS for peers. */
export interface H2Edge extends Edge {
  /** A connection whose SETTINGS have been exchanged. */
  open(door: DoorName, wish?: RawWish): Promise<RawPeer>
  /** A connection on which nothing has been said. */
  raw(door: DoorName): RawPeer
  /** The application, which speaks both versions. What came in as HTTP/2 from an application leaves as HTTP/2; from a tester's peer, as HTTP/1.1. */
  readonly upstream: Upstream
}

export async function startH2Edge(wish?: EdgeWish): Promise<H2Edge> {
  // What is not declared is spoken to as its callers speak.
  const edge = await startEdge({ protocol: 'detect', ...wish })
  const tls = { ...peerOptions(edge.mesh.caDir), ALPNProtocols: ['h2'], port: edge.app.inbound }
  const socketTo = (door: DoorName) =>
    door === 'application'
      ? connectTcp({ host: '127.0.0.1', port: edge.web.outbound, noDelay: true, allowHalfOpen: true })
      : connectTls(tls)
  const upstream = new Upstream()
  edge.application.onConnection = upstream.accept
  return Object.assign(edge, {
    upstream,
    open: async (door: DoorName, rawWish?: RawWish) => {
      const peer = RawPeer.client(socketTo(door), rawWish)
      await peer.when(() => peer.frames.find(({ type }) => type === TYPE.SETTINGS), 'SETTINGS')
      return peer
    },
    raw: (door: DoorName) => RawPeer.bare(socketTo(door)),
  })
}

export function codeName(code: number): string {
  return Object.entries(CODE).find(([, value]) => value === code)?.[0] ?? String(code)
}

/** The connection serves a request, which reaches the application. */
export async function expectServed(peer: RawPeer, stream: number): Promise<void> {
  peer.request(stream, request('GET', '/alive'))
  const { head, body } = await peer.answer(stream)
  expect([head.get(':status'), body]).toEqual(['200', 'ok'])
}

/** A new connection to the same door serves a request. */
export async function expectAlive(edge: H2Edge, door: DoorName): Promise<void> {
  const peer = await edge.open(door)
  await expectServed(peer, 1)
  peer.destroy()
}

/** What the application has not heard: that something began is told by `/forbidden`, which every hostile request asks for. */
export const FORBIDDEN = '/forbidden'

/** A refusal at a door: it is counted as `bad-request`, its log line says why, and nothing of it went upstream. */
export async function expectRefused(edge: H2Edge, door: DoorName, before: Before, why: RegExp): Promise<void> {
  const { sidecar } = edge.doors[door]
  await until(async () => (await counter(sidecar, REFUSED)) > before.refused)
  const said = sidecar.log().filter(({ msg }) => msg === 'Refused a request')
  expect(
    said.filter(line => why.test(String(line.why)) && line.cause === 'bad-request').map(({ why: each }) => each),
  ).not.toEqual([])
  expect(edge.upstream.requests.slice(before.heard).map(({ head }) => head)).not.toContainEqual(
    expect.stringContaining(FORBIDDEN),
  )
}

export interface Before {
  readonly refused: number
  readonly heard: number
}

export async function beforehand(edge: H2Edge, door: DoorName): Promise<Before> {
  return { refused: await counter(edge.doors[door].sidecar, REFUSED), heard: edge.upstream.requests.length }
}

/** The connection ends with GOAWAY and this code; others are served. */
export async function expectGoaway(peer: RawPeer, code: number): Promise<void> {
  const { code: got } = await peer.goaway()
  expect(codeName(got)).toBe(codeName(code))
  expect(await peer.ended()).toMatch(/end|reset/)
  peer.destroy()
}

/** A stream ends with RST_STREAM and this code, and nothing else was said on it; the connection goes on. */
export async function expectReset(peer: RawPeer, stream: number, code: number): Promise<void> {
  expect(codeName(await peer.reset(stream))).toBe(codeName(code))
  expect(peer.seen(stream)).toMatchObject({ heads: [], body: [], ended: false })
  expect(peer.goaways).toEqual([])
}
