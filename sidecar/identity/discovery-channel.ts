import { createRequire } from 'node:module'
import { createSecureContext } from 'node:tls'
import type { ChannelCredentials, ChannelOptions } from '@grpc/grpc-js'
import { CONTROL_PLANE_DNS_NAME, controlPlaneSpiffeId } from '../../certs/mod.ts'
import { type Clock, systemClock } from '../../common/mod.ts'
import type { Svid } from './identity.ts'
import { clientTlsOptions, serverFault } from './tls-options.ts'

/** What every channel to the control plane needs, besides the limits of its own messages. */
export const CONTROL_PLANE_CHANNEL_OPTIONS: ChannelOptions = {
  // The control plane's name, whatever its address: an address may not be a TLS server name (RFC 6066, section 3; Node throws).
  'grpc.ssl_target_name_override': CONTROL_PLANE_DNS_NAME,
  // The environment of a sidecar may name the sidecar itself as the proxy: it was made for the application.
  'grpc.enable_http_proxy': 0,
  // No TXT look-ups: nobody configures our client by DNS.
  'grpc.service_config_disable_resolution': 1,
  // gRPC's own limits are 1 s and 120 s; a control plane that is back is found within 1 s.
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1000,
  // A dead control plane, or a path that drops packets in silence, is found out within 15 s.
  'grpc.keepalive_time_ms': 10_000,
  'grpc.keepalive_timeout_ms': 5000,
  'grpc.keepalive_permit_without_calls': 1,
}

/**
 * mTLS to the discovery port as whoever `svid` says we are; the server must be the control plane of our trust domain. Made anew
 * for each connection: grpc-js keeps what it was given.
 */
export function discoveryChannelCredentials(svid: Svid, clock: Clock = systemClock): ChannelCredentials {
  const expected = controlPlaneSpiffeId(svid.trustDomain)
  const context = createSecureContext(clientTlsOptions(svid, expected, clock))
  return grpc().credentials.createFromSecureContext(context, {
    checkServerIdentity: (_host, certificate) => serverFault(certificate, svid, expected, clock),
  })
}

/** Loaded on first use, and within a synchronous call: 100 ms and 20 MB that file mode never pays. */
function grpc(): typeof import('@grpc/grpc-js') {
  return createRequire(import.meta.url)('@grpc/grpc-js')
}
