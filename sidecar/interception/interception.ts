import { isIPv6, type Socket } from 'node:net'
import { type OriginalDestination, ok, type Result } from '../../common/mod.ts'
import { loadOriginalDst, type ReadOriginalDst } from './original-dst.ts'
import { OwnConnections } from './own-connections.ts'
import { plainAddress } from './socket-address.ts'

/** How a connection came to one of our listeners. */
export type Arrival =
  /** By itself, as in explicit mode. */
  | { readonly kind: 'direct' }
  | { readonly kind: 'redirected'; readonly original: OriginalDestination }
  /** We made it ourselves, and the rules sent it back to us: they do not know who we are. */
  | { readonly kind: 'own'; readonly original: OriginalDestination }

const DIRECT: Arrival = { kind: 'direct' }

/** What Node keeps of a socket beside what it documents. */
interface DescribedSocket {
  readonly _handle: { readonly fd?: number } | null
}

/** Tells where accepted connections were going. Without interception, all are direct, and nothing is asked. */
export class Interception {
  private readonly read: ReadOriginalDst | undefined
  private readonly own: Pick<OwnConnections, 'has' | 'close'> | undefined

  constructor(read: ReadOriginalDst | undefined, own: Pick<OwnConnections, 'has' | 'close'> | undefined) {
    this.read = read
    this.own = own
  }

  get on(): boolean {
    return this.read !== undefined
  }

  /** Of a socket that a listener has just accepted; ask once, and keep the answer. */
  arrivalOf(socket: Socket): Arrival {
    if (this.read === undefined) return DIRECT
    const { localAddress, localPort } = socket
    const descriptor = (socket as unknown as DescribedSocket)._handle?.fd
    // It has gone already.
    if (localAddress === undefined || descriptor === undefined || descriptor < 0) return DIRECT
    const here = plainAddress(localAddress)
    const original = this.read(descriptor, isIPv6(here) ? 6 : 4)
    if (original === undefined || (original.port === localPort && original.address === here)) return DIRECT
    const own = this.own?.has(socket.remoteAddress, socket.remotePort, original) === true
    return { kind: own ? 'own' : 'redirected', original }
  }

  close(): void {
    this.own?.close()
  }
}

/** `none`: everything is direct, and nothing native is loaded. The error is one sentence. */
export async function openInterception(mode: 'none' | 'redirect'): Promise<Result<Interception, string>> {
  if (mode === 'none') return ok(new Interception(undefined, undefined))
  const read = await loadOriginalDst()
  return read.ok ? ok(new Interception(read.value, new OwnConnections())) : read
}
