import { type Case, PROXY_CORE } from '../plan.ts'
import { findCommand, freePort } from '../workspace.ts'
import type { Peer, RunningPeer, Scene } from './peer.ts'

/** HAProxy with HTTP/1.1 everywhere. */
export const haproxy: Peer = {
  name: 'haproxy',
  cases: ['h1', 'mtls'],
  missing,
  start: (one: Case, scene: Scene) => (one === 'h1' ? startHop(scene) : startPair(scene, 'http/1.1')),
}

/** HAProxy with HTTP/2 between the two of a pair, its best. */
export const haproxyH2: Peer = {
  name: 'haproxy-h2',
  cases: ['mtls'],
  missing,
  start: (_one, scene) => startPair(scene, 'h2'),
}

function missing(): string | undefined {
  return findCommand('haproxy') ? undefined : 'haproxy is not installed: apt-get install haproxy'
}

async function startHop(scene: Scene): Promise<RunningPeer> {
  const port = await freePort()
  const program = startHaproxy(scene, 'haproxy-hop', `bind 127.0.0.1:${port}`, `127.0.0.1:${scene.backendPort}`)
  return { url: `http://127.0.0.1:${port}/`, programs: [program] }
}

async function startPair(scene: Scene, alpn: 'http/1.1' | 'h2'): Promise<RunningPeer> {
  const [near, far] = [await freePort(), await freePort()]
  const { ca, client, server, serverName } = scene.certificates
  const tls = `ca-file ${ca} verify required ssl-min-ver TLSv1.3 no-tls-tickets alpn ${alpn}`
  const name = alpn === 'h2' ? 'haproxy-h2' : 'haproxy-h1'
  const programs = [
    startHaproxy(
      scene,
      `${name}-far`,
      `bind 127.0.0.1:${far} ssl crt ${server.bundle} ${tls}`,
      `127.0.0.1:${scene.backendPort}`,
    ),
    startHaproxy(
      scene,
      `${name}-near`,
      `bind 127.0.0.1:${near}`,
      `127.0.0.1:${far} ssl crt ${client.bundle} ${tls} no-ssl-reuse verifyhost ${serverName} sni str(${serverName})`,
    ),
  ]
  return { url: `http://127.0.0.1:${near}/`, programs }
}

/** One thread, no logs, every idle upstream connection used again. `-db` keeps it in the foreground, as one process. */
function startHaproxy(scene: Scene, name: string, bind: string, server: string) {
  const config = `global
  nbthread 1
  maxconn 4096
defaults
  mode http
  http-reuse always
  timeout connect 5s
  timeout client 1h
  timeout server 1h
frontend near
  ${bind}
  default_backend far
backend far
  server one ${server}
`
  const path = scene.workspace.write(`${name}.cfg`, config)
  return scene.workspace.start(PROXY_CORE, findCommand('haproxy') ?? 'haproxy', ['-db', '-f', path])
}
