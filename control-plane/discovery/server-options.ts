import type { ServerOptions } from '@grpc/grpc-js'
import { RECEIVED_BYTES_MAX } from './limits.ts'

/** What the gRPC server on the discovery port must be made with: bounds, and pings that find sidecars that vanished without a word. */
export const DISCOVERY_SERVER_OPTIONS: Readonly<ServerOptions> = {
  'grpc.max_receive_message_length': RECEIVED_BYTES_MAX,
  'grpc.keepalive_time_ms': 10_000,
  'grpc.keepalive_timeout_ms': 5_000,
}
