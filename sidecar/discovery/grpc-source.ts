import type { Identity } from '../identity/identity.ts'
import { grpcLinks } from './grpc-link.ts'
import { createStreamSource, type SourceOptions, type StreamSource } from './stream-source.ts'

export interface StreamSourceOptions extends Omit<SourceOptions, 'open'> {
  /** `host:port` of the control plane's mTLS port. */
  readonly discoveryAddress: string
  readonly identity: Pick<Identity, 'current' | 'onChange'>
}

/** Policy from the control plane at `discoveryAddress`, over gRPC with mTLS. Nothing happens before it is started. */
export function streamSource(options: StreamSourceOptions): StreamSource {
  const { discoveryAddress, identity } = options
  return createStreamSource({ ...options, open: grpcLinks(discoveryAddress, identity) })
}
