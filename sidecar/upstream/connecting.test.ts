import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { endpointKey, type Port, type SpiffeId, serviceKey } from '../../common/mod.ts'
import { BreakerState } from '../../decide/breaker/mod.ts'
import type { TrafficSettings } from '../../model/snapshot/mod.ts'
import type { ClientCarriage } from '../session/mod.ts'
import type { DialTarget } from '../transport/mod.ts'
import { TimerWheel, Turn } from '../transport/mod.ts'
import { Connecting, type ConnectionTaker } from './connecting.ts'
import { Destination } from './destination.ts'
import type { UpstreamEnvironment } from './environment.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

const SETTINGS: TrafficSettings = {
  policy: undefined,
  breaker: { connectionsMax: 100, pendingMax: 100, requestsMax: 100 },
  outlier: { consecutiveErrors: 1, baseEjectionMs: 30_000, ejectedPercentMax: 100, healthyPercentMin: 0 },
  retryBudget: { percent: 20, minPerSecond: 10, windowMs: 10_000 },
  connectTimeoutMs: 1_000,
  keepsNameCase: false,
  upgrades: undefined,
}
/** As many handshakes as may be under way with one endpoint. */
const HANDSHAKES = 16

/** A destination with one endpoint of the mesh; time is virtual, and nothing is dialled. */
function destinationOfOne() {
  const nowMs = () => performance.now()
  const environment = {
    turn: new Turn(nowMs),
    wheel: new TimerWheel(nowMs),
    breakerOf: () => new BreakerState(),
    broken: (error: unknown) => {
      throw error
    },
  } as unknown as UpstreamEnvironment
  const key = serviceKey('shop', 'catalog')
  const destination = new Destination(key, SETTINGS, environment)
  const tls = {
    kind: 'mesh',
    spiffeId: 'spiffe://mesh.test/ns/shop/sa/catalog' as SpiffeId,
    inboundPort: 1 as Port,
  } as const
  const address = { key: endpointKey('192.0.2.1', 1, 80), host: '192.0.2.1', port: 1, appPort: 80, tls }
  destination.place([{ servicePort: 80, address }])
  const endpoint = destination.candidates(80)[0]!
  return { destination, endpoint, environment }
}

function taker() {
  const told: string[] = []
  const one: ConnectionTaker = {
    connected: () => told.push('connected') > 0,
    connectAgain: () => void told.push('again'),
    connectNotTried: (_endpoint, detail) => void told.push(`not tried: ${detail}`),
    connectFailed: (_endpoint, detail) => void told.push(`failed: ${detail}`),
  }
  return { told, one }
}

describe('a connection that waits for its turn', () => {
  test('and does not get it in time is no failure of the endpoint, and is counted out', () => {
    const { destination, endpoint, environment } = destinationOfOne()
    endpoint.handshakes = HANDSHAKES
    destination.breaker.connections = 1
    const { told, one } = taker()
    new Connecting('mesh', endpoint, destination, environment, one).begin({} as DialTarget)
    vi.advanceTimersByTime(990)
    expect(told).toEqual([])
    expect(endpoint.connecting).toHaveLength(1)
    vi.advanceTimersByTime(50)
    expect(told).toEqual([`not tried: no turn to connect within 1000 ms: ${HANDSHAKES} others are at it`])
    expect(endpoint.connecting).toHaveLength(0)
    expect(destination.breaker.connections).toBe(0)
    expect(endpoint.handshakes).toBe(HANDSHAKES)
  })

  test('is given up with the request that it is for', () => {
    const { destination, endpoint, environment } = destinationOfOne()
    endpoint.handshakes = HANDSHAKES
    destination.breaker.connections = 1
    const { told, one } = taker()
    const connecting = new Connecting('mesh', endpoint, destination, environment, one)
    connecting.begin({} as DialTarget)
    connecting.giveUp(one)
    vi.advanceTimersByTime(5_000)
    expect(told).toEqual([])
    expect(destination.breaker.connections).toBe(0)
  })
})

describe('a way that becomes free', () => {
  /** What only a new connection will do for, as after a kept one that turned out to be closed. */
  function choosy() {
    const { told, one } = taker()
    return { told, one: { ...one, connected: () => told.push('not this one') < 0 } }
  }

  test('is no loss to who has no use for it: they wait on, and hear what becomes of their own connection', () => {
    const { destination, endpoint, environment } = destinationOfOne()
    endpoint.handshakes = HANDSHAKES
    destination.breaker.connections = 1
    const [first, last] = [choosy(), choosy()]
    const connecting = new Connecting('mesh', endpoint, destination, environment, first.one)
    connecting.begin({} as DialTarget)
    expect(connecting.join('mesh', last.one)).toBe(true)
    expect(connecting.offer({} as ClientCarriage)).toBe(false)
    vi.advanceTimersByTime(1_100)
    expect(first.told).toEqual(['not this one', expect.stringMatching(/^not tried: /)])
    expect(last.told).toEqual(['not this one', expect.stringMatching(/^not tried: /)])
  })

  test('goes to the first who takes it', () => {
    const { destination, endpoint, environment } = destinationOfOne()
    endpoint.handshakes = HANDSHAKES
    destination.breaker.connections = 1
    const [first, next] = [choosy(), taker()]
    const connecting = new Connecting('mesh', endpoint, destination, environment, first.one)
    connecting.begin({} as DialTarget)
    expect(connecting.join('mesh', next.one)).toBe(true)
    expect(connecting.offer({} as ClientCarriage)).toBe(true)
    expect(next.told).toEqual(['connected'])
    vi.advanceTimersByTime(1_100)
    expect(next.told).toEqual(['connected'])
    expect(first.told).toEqual(['not this one', expect.stringMatching(/^not tried: /)])
    expect(destination.breaker.connections).toBe(0)
  })
})

describe('a destination that comes back', () => {
  test('counts the connections that it still had, and counts them out as they end', () => {
    const [before, now, later] = [destinationOfOne(), destinationOfOne(), destinationOfOne()].map(
      ({ destination }) => destination,
    )
    before!.breaker.connections = 2
    before!.close()
    now!.breaker.connections = 1
    now!.succeed(before!)
    expect(now!.breaker.connections).toBe(3)
    before!.connectionEnded()
    expect(now!.breaker.connections).toBe(2)
    // It may go and come again.
    later!.succeed(now!)
    before!.connectionEnded()
    expect(later!.breaker.connections).toBe(1)
    now!.connectionEnded()
    expect(later!.breaker.connections).toBe(0)
  })
})
