import type { Port, ServiceKey } from '../../common/mod.ts'
import type { Endpoint, TrafficSettings } from '../../model/snapshot/mod.ts'
import { Destination, type EndpointAddress, type UpstreamEnvironment } from '../upstream/mod.ts'

/** Instances that are remembered with their connections. The one that was first asked for longest ago makes room. */
const INSTANCES_MAX = 256

interface Chosen {
  readonly destination: Destination
  endpoint: Endpoint
  traffic: TrafficSettings
}

/** An instance of a service that an application has chosen by its address. */
export interface ChosenInstance {
  readonly key: ServiceKey
  readonly endpoint: Endpoint
  readonly appPort: Port
  readonly traffic: TrafficSettings
}

/** Single instances as places to send requests to, with the settings of their services and none of their routes. */
export class ChosenInstances {
  private readonly environment: UpstreamEnvironment
  private readonly addressOf: (endpoint: Endpoint, appPort: Port) => EndpointAddress
  private readonly chosen = new Map<string, Chosen>()

  constructor(environment: UpstreamEnvironment, addressOf: (endpoint: Endpoint, appPort: Port) => EndpointAddress) {
    this.environment = environment
    this.addressOf = addressOf
  }

  /** The destination, brought up to date: both snapshots are replaced when they change. Its one port is the application's. */
  of({ key, endpoint, appPort, traffic }: ChosenInstance): Destination {
    const name = `${key} ${endpoint.workload} ${appPort}`
    const known = this.chosen.get(name) ?? this.add(name, key, endpoint, appPort, traffic)
    if (known.endpoint !== endpoint) {
      known.endpoint = endpoint
      known.destination.place([{ servicePort: appPort, address: this.addressOf(endpoint, appPort) }])
    }
    if (known.traffic !== traffic) {
      known.traffic = traffic
      known.destination.configure(traffic)
    }
    return known.destination
  }

  *destinations(): Generator<Destination> {
    for (const { destination } of this.chosen.values()) yield destination
  }

  private add(name: string, key: ServiceKey, endpoint: Endpoint, appPort: Port, traffic: TrafficSettings): Chosen {
    if (this.chosen.size >= INSTANCES_MAX) {
      for (const [oldest, { destination }] of this.chosen) {
        this.chosen.delete(oldest)
        destination.close()
        break
      }
    }
    const made: Chosen = { destination: new Destination(key, traffic, this.environment), endpoint, traffic }
    made.destination.place([{ servicePort: appPort, address: this.addressOf(endpoint, appPort) }])
    this.chosen.set(name, made)
    return made
  }
}
