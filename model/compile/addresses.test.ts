import { describe, expect, test } from 'vitest'
import { addressOwners, ownerOfAddress } from './mod.ts'
import { aService, aWorkload, worldFrom } from './world.fixture.ts'

/** As the fixture makes it, at another address. */
const instance = (name: string, labels: string, address: string) =>
  aWorkload(name, labels, 'ports: []').replace(/address: [^,}\n]+/, `address: "${address}"`)

const world = worldFrom(
  aService(
    'shop/reviews',
    'ports: [{port: 9080}], selector: {app: reviews}, clusterIP: 10.96.0.9, clusterIPs: [10.96.0.9, "FD00:96:0::9"]',
  ),
  aService('shop/all', 'ports: [{port: 80}], selector: {mesh: "yes"}'),
  aService('shop/headless', 'ports: [{port: 80}], selector: {app: nobody}, clusterIP: None'),
  instance('shop/reviews-1', 'app: reviews, mesh: "yes"', '10.0.0.7'),
  instance('shop/lonely-1', 'app: lonely', '10.0.0.8'),
  instance('shop/six-1', 'app: reviews', 'FD00::0007'),
)

describe('an address', () => {
  test.each(['10.96.0.9', 'fd00:96::9'])('of a Service itself, %s, is that Service', address => {
    expect(ownerOfAddress(world, address)).toEqual({ kind: 'service', service: 'shop/reviews' })
  })

  test('of an instance is of all Services that select it, sorted', () => {
    expect(ownerOfAddress(world, '10.0.0.7')).toEqual({ kind: 'instance', services: ['shop/all', 'shop/reviews'] })
    expect(ownerOfAddress(world, 'fd00::7')).toEqual({ kind: 'instance', services: ['shop/reviews'] })
  })

  test.each(['10.0.0.8', '10.0.0.9', 'None', ''])('that no Service has (%j) is nobody', address => {
    expect(ownerOfAddress(world, address)).toEqual({ kind: 'nobody' })
  })

  test('that two Services claim is the first one by name, in whatever order they come', () => {
    const two = [
      aService('shop/b', 'ports: [{port: 80}], clusterIP: 10.96.0.1'),
      aService('shop/a', 'ports: [{port: 80}], clusterIP: 10.96.0.1'),
    ]
    for (const services of [two, two.toReversed()]) {
      expect(ownerOfAddress(worldFrom(...services), '10.96.0.1')).toEqual({ kind: 'service', service: 'shop/a' })
    }
  })

  test('is worked out once for a world', () => {
    expect(addressOwners(world)).toBe(addressOwners(world))
  })
})
