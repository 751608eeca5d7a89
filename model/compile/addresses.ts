import { type ServiceKey, serviceKey, shortestAddress } from '../../common/mod.ts'
import { deepFreeze, type ServiceResource } from '../resources/mod.ts'
import type { AddressOwner } from '../snapshot/mod.ts'
import { memoOf } from './memo.ts'
import { compareText } from './order.ts'
import { servicesOf } from './selectors.ts'
import type { World } from './world.ts'

const NOBODY: AddressOwner = { kind: 'nobody' }

/** Whose an IP address is; `address` in its shortest spelling (RFC 5952). A Service's own comes before an instance's. */
export function ownerOfAddress(world: World, address: string): AddressOwner {
  return addressOwners(world).get(address) ?? NOBODY
}

/** All addresses that are somebody's. A workload that no Service selects is nobody: there is no name to call it by. */
export const addressOwners = memoOf((world: World): ReadonlyMap<string, AddressOwner> => {
  const owners = new Map<string, AddressOwner>()
  for (const [address, services] of instances(world)) {
    const sorted = [...services].sort(compareText)
    owners.set(address, deepFreeze<AddressOwner>({ kind: 'instance', services: sorted }))
  }
  for (const [address, service] of ownAddresses(world.services)) {
    owners.set(address, deepFreeze<AddressOwner>({ kind: 'service', service }))
  }
  return owners
})

function instances(world: World): ReadonlyMap<string, ReadonlySet<ServiceKey>> {
  const found = new Map<string, Set<ServiceKey>>()
  for (const workload of world.workloads.values()) {
    for (const service of servicesOf(world, workload)) {
      const address = shortestAddress(workload.spec.address)
      const services = found.get(address)
      if (services === undefined) found.set(address, new Set([service]))
      else services.add(service)
    }
  }
  return found
}

/** Of two Services that claim one address, the first by name has it, whatever their order. */
const ownAddresses = memoOf((services: ReadonlyMap<ServiceKey, ServiceResource>): ReadonlyMap<string, ServiceKey> => {
  const owners = new Map<string, ServiceKey>()
  for (const { metadata, spec } of services.values()) {
    const key = serviceKey(metadata.namespace, metadata.name)
    for (const address of [spec.clusterIP, ...(spec.clusterIPs ?? [])]) {
      if (address === undefined || address === 'None') continue
      const before = owners.get(shortestAddress(address))
      if (before === undefined || compareText(key, before) < 0) owners.set(shortestAddress(address), key)
    }
  }
  return owners
})
