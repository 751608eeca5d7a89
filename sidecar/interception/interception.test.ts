import type { Socket } from 'node:net'
import { networkInterfaces } from 'node:os'
import { describe, expect, test } from 'vitest'
import type { OriginalDestination, Port } from '../../common/mod.ts'
import { Interception } from './interception.ts'
import { redirectHosts } from './redirect-hosts.ts'

const THERE: OriginalDestination = { address: '10.96.0.9', port: 9080 as Port, family: 4 }
const HERE: OriginalDestination = { address: '127.0.0.1', port: 15_001 as Port, family: 4 }

function socketAt(localAddress: string | undefined, localPort: number, fd: number | undefined = 7): Socket {
  const ends = { localAddress, localPort, remoteAddress: '10.0.0.1', remotePort: 40_000 }
  return { ...ends, _handle: fd === undefined ? null : { fd } } as unknown as Socket
}

function interceptionWith(original: OriginalDestination | undefined, own = false) {
  const asked: [descriptor: number, family: number][] = []
  const read = (descriptor: number, family: 4 | 6) => {
    asked.push([descriptor, family])
    return original
  }
  return { asked, interception: new Interception(read, { has: () => own, close: () => undefined }) }
}

describe('a connection that a listener has accepted', () => {
  test('was redirected where it was going somewhere else', () => {
    const { interception, asked } = interceptionWith(THERE)
    expect(interception.arrivalOf(socketAt('127.0.0.1', 15_001))).toEqual({ kind: 'redirected', original: THERE })
    expect(asked).toEqual([[7, 4]])
  })

  test.each(['127.0.0.1', '::ffff:127.0.0.1'])('came by itself where it was going to us (%s)', address => {
    const { interception, asked } = interceptionWith(HERE)
    expect(interception.arrivalOf(socketAt(address, 15_001))).toEqual({ kind: 'direct' })
    expect(asked).toEqual([[7, 4]])
  })

  test('came by itself where the kernel knows of nothing', () => {
    const { interception } = interceptionWith(undefined)
    expect(interception.arrivalOf(socketAt('127.0.0.1', 15_001))).toEqual({ kind: 'direct' })
  })

  test('over IPv6 is asked about as IPv6', () => {
    const { interception, asked } = interceptionWith(undefined)
    interception.arrivalOf(socketAt('::1', 15_001))
    expect(asked).toEqual([[7, 6]])
  })

  test('is our own where we have made it: it has gone round in a circle', () => {
    const { interception } = interceptionWith(THERE, true)
    expect(interception.arrivalOf(socketAt('127.0.0.1', 15_001))).toEqual({ kind: 'own', original: THERE })
  })

  test('to ourselves from ourselves, without a redirect, is none of that', () => {
    const { interception } = interceptionWith(HERE, true)
    expect(interception.arrivalOf(socketAt('127.0.0.1', 15_001))).toEqual({ kind: 'direct' })
  })

  test('that has gone already is not asked about', () => {
    const { interception, asked } = interceptionWith(THERE)
    for (const gone of [socketAt(undefined, 15_001), socketAt('127.0.0.1', 15_001, -1)]) {
      expect(interception.arrivalOf(gone)).toEqual({ kind: 'direct' })
    }
    expect(asked).toEqual([])
  })

  test('without interception is not asked about', () => {
    const off = new Interception(undefined, undefined)
    expect([off.on, off.arrivalOf(socketAt('127.0.0.1', 15_001))]).toEqual([false, { kind: 'direct' }])
  })
})

describe('redirected connections come in', () => {
  const lo = (...addresses: [string, 'IPv4' | 'IPv6'][]) =>
    new Map([['lo', addresses.map(([address, family]) => ({ address, family }))]])

  test('at the loopback of both families, and at any address from outside', () => {
    expect(redirectHosts(lo(['127.0.0.1', 'IPv4'], ['::1', 'IPv6']))).toEqual({
      ...{ outbound: '127.0.0.1', outbound6: '::1', inbound: '::' },
    })
  })

  test('at IPv4 alone where there is no IPv6', () => {
    expect(redirectHosts(lo(['127.0.0.1', 'IPv4']))).toEqual({
      ...{ outbound: '127.0.0.1', outbound6: undefined, inbound: '0.0.0.0' },
    })
  })

  test('as this machine has it', () => {
    const six = Object.values(networkInterfaces())
      .flat()
      .some(each => each?.address === '::1')
    expect(redirectHosts().outbound6).toBe(six ? '::1' : undefined)
  })
})
