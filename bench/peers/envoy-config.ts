import type { Certificates } from '../certificates.ts'

export type Wire = 'http/1.1' | 'h2' | 'tcp'

/** One side of a proxy: where it listens, or where it connects to. */
export interface Side {
  readonly port: number
  readonly wire: Wire
  readonly tls?: object
}

const FILTERS = 'type.googleapis.com/envoy.extensions.filters'
/** In nobody's way, in the largest run. */
const MOST = { max_connections: 4_096, max_pending_requests: 4_096, max_requests: 4_096 }

export function listener({ port, wire, tls }: Side): object {
  return {
    address: address(port),
    filter_chains: [
      { filters: [wire === 'tcp' ? bytes() : http(wire)], ...(tls === undefined ? {} : { transport_socket: tls }) },
    ],
  }
}

export function cluster({ port, wire, tls }: Side): object {
  return {
    name: 'far',
    type: 'STATIC',
    circuit_breakers: { thresholds: [MOST] },
    load_assignment: {
      cluster_name: 'far',
      endpoints: [{ lb_endpoints: [{ endpoint: { address: address(port) } }] }],
    },
    ...(wire === 'tcp' ? {} : { typed_extension_protocol_options: protocolOptions(wire) }),
    ...(tls === undefined ? {} : { transport_socket: tls }),
  }
}

/** The server's end of mutual TLS 1.3, without resumption. */
export function acceptTls({ ca, server }: Certificates, wire: Wire): object {
  return tlsSocket('DownstreamTlsContext', {
    common_tls_context: commonTls(server, ca, wire),
    require_client_certificate: true,
    disable_stateless_session_resumption: true,
    disable_stateful_session_resumption: true,
  })
}

/** The client's end. */
export function connectTls({ ca, client, serverName }: Certificates, wire: Wire): object {
  return tlsSocket('UpstreamTlsContext', {
    common_tls_context: commonTls(client, ca, wire),
    sni: serverName,
    auto_sni_san_validation: true,
    max_session_keys: 0,
  })
}

function commonTls(files: { readonly certificate: string; readonly key: string }, ca: string, wire: Wire): object {
  return {
    tls_params: { tls_minimum_protocol_version: 'TLSv1_3', tls_maximum_protocol_version: 'TLSv1_3' },
    tls_certificates: [{ certificate_chain: { filename: files.certificate }, private_key: { filename: files.key } }],
    validation_context: { trusted_ca: { filename: ca } },
    ...(wire === 'tcp' ? {} : { alpn_protocols: [wire] }),
  }
}

function tlsSocket(context: string, config: object): object {
  return {
    name: 'envoy.transport_sockets.tls',
    typed_config: { '@type': `type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.${context}`, ...config },
  }
}

function bytes(): object {
  return {
    name: 'envoy.filters.network.tcp_proxy',
    typed_config: { '@type': `${FILTERS}.network.tcp_proxy.v3.TcpProxy`, stat_prefix: 'near', cluster: 'far' },
  }
}

function http(wire: Wire): object {
  const route = { match: { prefix: '/' }, route: { cluster: 'far', timeout: '0s' } }
  const router = {
    name: 'envoy.filters.http.router',
    typed_config: {
      '@type': `${FILTERS}.http.router.v3.Router`,
      dynamic_stats: false,
      suppress_envoy_headers: true,
    },
  }
  return {
    name: 'envoy.filters.network.http_connection_manager',
    typed_config: {
      '@type': `${FILTERS}.network.http_connection_manager.v3.HttpConnectionManager`,
      stat_prefix: 'near',
      codec_type: wire === 'h2' ? 'HTTP2' : 'HTTP1',
      // Costs that the others don't have: an identifier for each request, and counters that nobody reads here.
      generate_request_id: false,
      route_config: { virtual_hosts: [{ name: 'all', domains: ['*'], routes: [route] }] },
      http_filters: [router],
    },
  }
}

function protocolOptions(wire: Wire): object {
  const protocol = wire === 'h2' ? { http2_protocol_options: {} } : { http_protocol_options: {} }
  return {
    'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
      '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
      explicit_http_config: protocol,
    },
  }
}

function address(port: number): object {
  return { socket_address: { address: '127.0.0.1', port_value: port } }
}
