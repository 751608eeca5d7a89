import type { EndpointKey, ServiceKey } from '../../common/mod.ts'
import { sniOf } from '../../common/mod.ts'
import { type EndpointLoad, newLoad } from '../../decide/balance/mod.ts'
import { OutlierState } from '../../decide/outlier/mod.ts'
import type { EndpointTls } from '../../model/snapshot/mod.ts'
import type { Svid } from '../identity/mod.ts'
import { type CarriageKind, EndpointPool, type PoolHost } from '../session/mod.ts'
import type { DialTarget } from '../transport/mod.ts'
import type { Connecting } from './connecting.ts'

export interface EndpointAddress {
  readonly key: EndpointKey
  readonly host: string
  /** Where to connect: the far sidecar, or the application itself. */
  readonly port: number
  readonly appPort: number
  readonly tls: EndpointTls
}

/** One endpoint as it is lived with: what was learnt of it, and the connections to it. Outlives snapshots. */
export class EndpointState {
  readonly address: EndpointAddress
  /** `host:port`, for people. */
  readonly name: string
  readonly load: EndpointLoad
  readonly outlier = new OutlierState()
  readonly pool: EndpointPool
  /** Connections that are being made, the oldest first. */
  readonly connecting: Connecting[] = []
  /** The far sidecar has not agreed on HTTP/2: each request needs a connection for itself. */
  meshSpeaksHttp1 = false
  /** Whether it has answered before. The first answer pays for connections, and for code and caches that are still cold: it says little of the next. */
  hasAnswered = false
  /** How many of `connecting` have begun. */
  handshakes = 0
  private readonly serverName: string

  constructor(address: EndpointAddress, service: ServiceKey | undefined, nowMs: number, host: PoolHost) {
    this.address = address
    this.name = `${address.host}:${address.port}`
    this.load = newLoad(nowMs)
    this.pool = new EndpointPool(host)
    this.serverName = service === undefined ? '' : sniOf(service, address.appPort)
  }

  get mtls(): boolean {
    return this.address.tls.kind === 'mesh'
  }

  /** `undefined`: it's in the mesh, and we have no identity yet. Never a fall-back to plaintext. */
  target(svid: Svid | undefined, carriage: CarriageKind): DialTarget | undefined {
    const { host, port, tls } = this.address
    if (tls.kind === 'none') return { kind: 'plain', host, port, allowHalfOpen: carriage === 'bytes' }
    if (svid === undefined) return undefined
    return {
      kind: 'mesh',
      host,
      port,
      serverName: this.serverName,
      expected: tls.spiffeId,
      svid,
      onlyHttp1: carriage === 'http1',
    }
  }
}
