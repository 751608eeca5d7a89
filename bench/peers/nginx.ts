import { PROXY_CORES } from '../plan.ts'
import { findCommand, freePort } from '../workspace.ts'
import { nginxConfig, nginxUpstream } from './nginx-config.ts'
import type { Peer, RunningPeer, Scene } from './peer.ts'

const PROXY_LINES = 'proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host;'

/** nginx speaks HTTP/1.1 to its upstreams, so there is one way to set it up. */
export const nginx: Peer = {
  name: 'nginx',
  topologies: ['hop', 'pair', 'bulk-pair', 'inbound'],
  onlyWhenNamed: true,
  warmUpSeconds: 1,
  missing: () => (findCommand('nginx') ? undefined : 'nginx is not installed: apt-get install nginx-light'),
  start: (topology, scene) => {
    if (topology === 'hop') return startHop(scene)
    return topology === 'inbound' ? startInbound(scene) : startPair(scene)
  },
}

async function startHop(scene: Scene): Promise<RunningPeer> {
  const port = await freePort()
  const program = startNginx(scene, 'nginx-hop', hop(`listen 127.0.0.1:${port};`, scene.backend.http1))
  return { port, programs: [program] }
}

async function startPair(scene: Scene): Promise<RunningPeer> {
  const [near, far] = [await freePort(), await freePort()]
  const { ca, client, serverName } = scene.certificates
  const proxyTls = `proxy_ssl_protocols TLSv1.3; proxy_ssl_session_reuse off;
      proxy_ssl_certificate ${client.certificate}; proxy_ssl_certificate_key ${client.key};
      proxy_ssl_trusted_certificate ${ca}; proxy_ssl_verify on; proxy_ssl_name ${serverName}; proxy_ssl_server_name on;`
  const programs = [
    startNginx(scene, 'nginx-far', hop(listenTls(far, scene), scene.backend.http1)),
    startNginx(scene, 'nginx-near', hop(`listen 127.0.0.1:${near};`, far, proxyTls)),
  ]
  return { port: near, programs }
}

async function startInbound(scene: Scene): Promise<RunningPeer> {
  const port = await freePort()
  const program = startNginx(scene, 'nginx-inbound', hop(listenTls(port, scene), scene.backend.http1))
  return { port, programs: [program] }
}

function listenTls(port: number, { certificates: { ca, server } }: Scene): string {
  return `listen 127.0.0.1:${port} ssl;
    ssl_protocols TLSv1.3; ssl_session_tickets off; ssl_session_cache off;
    ssl_certificate ${server.certificate}; ssl_certificate_key ${server.key};
    ssl_client_certificate ${ca}; ssl_verify_client on;`
}

function hop(listen: string, upstreamPort: number, tls?: string): string {
  return `${nginxUpstream(upstreamPort)}
  server {
    ${listen}
    location / {
      ${PROXY_LINES}
      proxy_pass ${tls === undefined ? 'http' : 'https'}://far;
      ${tls ?? ''}
    }
  }`
}

function startNginx(scene: Scene, name: string, http: string) {
  const { workspace } = scene
  const config = workspace.write(`${name}.conf`, nginxConfig(workspace.dir, name, http))
  return workspace.start(PROXY_CORES, findCommand('nginx') ?? 'nginx', ['-c', config, '-e', 'stderr'])
}
