import { isIPv4, isIPv6, SocketAddress } from 'node:net'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { shortestAddress } from '../../common/mod.ts'
import { readSocketAddress } from './socket-address.ts'

function ipv4(address: readonly number[], port: number): Buffer {
  const bytes = Buffer.alloc(16)
  bytes.writeUInt16LE(2, 0)
  bytes.writeUInt16BE(port, 2)
  bytes.set(address, 4)
  return bytes
}

function ipv6(address: readonly number[], port: number): Buffer {
  const bytes = Buffer.alloc(28)
  bytes.writeUInt16LE(10, 0)
  bytes.writeUInt16BE(port, 2)
  bytes.set(address, 8)
  return bytes
}

const mapped = [...Array<number>(10).fill(0), 0xff, 0xff, 10, 0, 0, 7]

describe('a socket address of the kernel', () => {
  test('of IPv4 is read', () => {
    expect(readSocketAddress(ipv4([10, 0, 0, 7], 9080), true)).toEqual({ address: '10.0.0.7', port: 9080, family: 4 })
  })

  test('is read on a big-endian machine, too', () => {
    const bytes = ipv4([10, 0, 0, 7], 9080)
    bytes.writeUInt16BE(2, 0)
    expect(readSocketAddress(bytes, false)).toEqual({ address: '10.0.0.7', port: 9080, family: 4 })
  })

  test("of IPv4 in IPv6's clothes is one of IPv4", () => {
    expect(readSocketAddress(ipv6(mapped, 80), true)).toEqual({ address: '10.0.0.7', port: 80, family: 4 })
  })

  test.each([
    ['of another family', Buffer.alloc(28)],
    ['with port 0', ipv4([10, 0, 0, 7], 0)],
    ['that breaks off', ipv4([10, 0, 0, 7], 80).subarray(0, 15)],
    ['of IPv6 that breaks off', ipv6(mapped, 80).subarray(0, 27)],
    ['without bytes', Buffer.alloc(0)],
  ])('%s is none', (_what, bytes) => {
    expect(readSocketAddress(bytes, true)).toBeUndefined()
  })

  test('of IPv6 is written as RFC 5952 has it, as Node and URLs write it', () => {
    const group = fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.integer({ min: 0, max: 0xffff }))
    fc.assert(
      fc.property(
        fc.array(group, { minLength: 8, maxLength: 8 }),
        fc.integer({ min: 1, max: 65_535 }),
        (groups, port) => {
          const bytes = groups.flatMap(each => [each >> 8, each & 255])
          const read = readSocketAddress(ipv6(bytes, port), true)
          const long = groups.map(each => each.toString(16)).join(':')
          const known = new SocketAddress({ address: long, family: 'ipv6', port })
          expect(read?.port).toBe(port)
          if (read?.family === 4) expect(isIPv4(read.address)).toBe(true)
          else {
            expect(isIPv6(read?.address ?? '')).toBe(true)
            expect(read?.address).toBe(shortestAddress(known.address))
          }
        },
      ),
    )
  })
})
