import { describe, expect, test } from 'vitest'
import { OpenTunnels, type TunnelFacts } from './open-tunnels.ts'
import type { TunnelEnd, TunnelNear } from './tunnel.ts'
import { closeFrame } from './websocket-frames.ts'

const INBOUND: TunnelFacts = { direction: 'inbound', mtls: true, webSocket: false }

/** Two sides that note what they are told. */
function opened(facts = INBOUND, tunnels = new OpenTunnels(error => broken.push(error))) {
  const told: string[] = []
  const far: TunnelEnd = {
    data: chunk => told.push(`far data ${chunk.toString('latin1')}`) > 0,
    end: () => void told.push('far end'),
    closed: () => void told.push('far closed'),
    drained: () => void told.push('far drained'),
  }
  const near: TunnelNear = {
    tunnelWrite: chunk => told.push(`near write ${chunk.toString('latin1')}`) > 0,
    tunnelEnd: () => void told.push('near end'),
    tunnelClose: () => void told.push('near close'),
    breakOff: () => void told.push('near break'),
    resume: () => void told.push('near resume'),
  }
  let standsForFar: TunnelEnd | undefined
  const standsForNear = tunnels.begin(far, facts, end => {
    standsForFar = end
    return near
  })
  return { told, tunnels, far: standsForFar!, near: standsForNear! }
}
const broken: unknown[] = []
const all = () => true

describe('a tunnel', () => {
  test('hands on everything, both ways', () => {
    const { told, far, near, tunnels } = opened()
    far.data(Buffer.from('a'))
    near.tunnelWrite(Buffer.from('b'))
    far.drained()
    near.resume()
    far.end()
    expect(told).toEqual(['far data a', 'near write b', 'far drained', 'near resume', 'far end'])
    // Half of it is still open.
    expect(tunnels.count('inbound')).toBe(1)
  })

  test.each([
    ['when the near side is gone', 'far closed', ({ far }: ReturnType<typeof opened>) => far.closed()],
    ['when the far side ends', 'near close', ({ near }: ReturnType<typeof opened>) => near.tunnelClose()],
    ['when the far side breaks', 'near break', ({ near }: ReturnType<typeof opened>) => near.breakOff()],
  ])('is over %s', (_when, heard, how) => {
    const tunnel = opened()
    const [end] = tunnel.tunnels.which(all)
    how(tunnel)
    expect(tunnel.tunnels.count('inbound')).toBe(0)
    end?.()
    expect(tunnel.told).toEqual([heard])
  })

  test('that is ended from outside ends in order on both sides, once', () => {
    const { told, tunnels } = opened()
    const [end] = tunnels.which(all)
    end?.()
    end?.()
    expect(told).toEqual(['near close', 'far end', 'far closed'])
    expect(tunnels.which(all)).toEqual([])
  })

  test('that nobody takes is none', () => {
    const tunnels = new OpenTunnels(() => undefined)
    const { far } = opened()
    expect(tunnels.begin(far, INBOUND, () => undefined)).toBeUndefined()
    expect(tunnels.count('inbound')).toBe(0)
  })
})

describe('a WebSocket that is ended from outside', () => {
  const WEB_SOCKET: TunnelFacts = { ...INBOUND, webSocket: true }
  const HELLO = Buffer.from('\x81\x05hello', 'latin1')
  const TO_CLIENT = closeFrame('server').toString('latin1')
  const TO_SERVER = closeFrame('client').toString('latin1')

  test('tells both sides that it goes away', () => {
    const { told, tunnels, far, near } = opened(WEB_SOCKET)
    far.data(HELLO)
    near.tunnelWrite(HELLO)
    tunnels.endAll()
    expect(told.slice(2)).toEqual([
      ...[`near write ${TO_CLIENT}`, `far data ${TO_SERVER}`],
      ...['near close', 'far end', 'far closed'],
    ])
  })

  test('puts nothing into the middle of a frame, nor behind a Close', () => {
    const { told, tunnels, far, near } = opened(WEB_SOCKET)
    far.data(HELLO.subarray(0, 4))
    near.tunnelWrite(closeFrame('server'))
    tunnels.endAll()
    expect(told.slice(2)).toEqual(['near close', 'far end', 'far closed'])
  })
})

test('tunnels are counted by direction, and chosen by what they are', () => {
  const { tunnels } = opened()
  opened({ direction: 'outbound', mtls: true, webSocket: false }, tunnels)
  const plain = opened({ direction: 'outbound', mtls: false, webSocket: false }, tunnels)
  expect([tunnels.count('inbound'), tunnels.count('outbound')]).toEqual([1, 2])
  for (const end of tunnels.which(({ mtls }) => mtls)) end()
  expect([tunnels.count('inbound'), tunnels.count('outbound')]).toEqual([0, 1])
  expect(plain.told).toEqual([])
})

test('one whose end throws does not keep the others from theirs', () => {
  const { tunnels } = opened()
  const far: TunnelEnd = {
    data: () => true,
    drained: () => undefined,
    closed: () => undefined,
    end: () => {
      throw new Error('no end')
    },
  }
  const { near } = opened()
  tunnels.begin(far, INBOUND, () => near)
  const last = opened(INBOUND, tunnels)
  for (const end of tunnels.which(all)) end()
  expect(last.told).toEqual(['near close', 'far end', 'far closed'])
  expect(broken).toMatchObject([{ message: 'no end' }])
})
