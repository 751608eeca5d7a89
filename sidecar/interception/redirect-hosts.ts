import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os'

type Interfaces = ReadonlyMap<string, readonly Pick<NetworkInterfaceInfo, 'address' | 'family'>[]>

/** The addresses at which redirected connections come in. */
export interface RedirectHosts {
  /** What leaves this machine is redirected to its loopback: nobody else gets in there, whatever else the sidecar listens on. */
  readonly outbound: string
  readonly outbound6: string | undefined
  /** What comes to this machine is redirected to one of the addresses of the interface that it came in by. */
  readonly inbound: string
}

/** IPv6 where this machine has it: without an address of that family, listening there fails, and nothing comes. */
export function redirectHosts(interfaces: Interfaces = new Map(entriesNow())): RedirectHosts {
  const addresses = [...interfaces.values()].flat()
  return {
    outbound: '127.0.0.1',
    outbound6: addresses.some(({ address }) => address === '::1') ? '::1' : undefined,
    inbound: addresses.some(({ family }) => family === 'IPv6') ? '::' : '0.0.0.0',
  }
}

function* entriesNow(): Generator<[string, readonly NetworkInterfaceInfo[]]> {
  for (const [name, addresses] of Object.entries(networkInterfaces())) yield [name, addresses ?? []]
}
