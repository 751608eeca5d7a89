import { PROXY_CORES, type Topology } from '../plan.ts'
import { findCommand, freePort } from '../workspace.ts'
import { haproxyConfig, haproxyTls } from './haproxy-config.ts'
import type { Peer, RunningPeer, Scene } from './peer.ts'

/** HAProxy's own default. */
const BUFFER_BYTES = 16 * 1024
/** A tenth to a fifth less time for each megabyte, against 32 KiB or less. */
const BULK_BUFFER_BYTES = 64 * 1024

const common = { missing, warmUpSeconds: 1 }

/** HAProxy, with HTTP/1.1 between the two of a pair. */
export const haproxy: Peer = {
  ...common,
  name: 'haproxy',
  topologies: ['hop', 'pair', 'bulk-pair', 'h2c-hop', 'tcp-pair', 'inbound'],
  start: (topology, scene) => {
    switch (topology) {
      case 'hop':
      case 'h2c-hop':
        return startHop(topology, scene)
      case 'inbound':
        return startInbound(scene)
      default:
        return startPair(topology, scene, 'http/1.1')
    }
  },
}

/** HAProxy with HTTP/2 between the two of a pair, its best. */
export const haproxyH2: Peer = {
  ...common,
  name: 'haproxy-h2',
  topologies: ['pair', 'bulk-pair'],
  start: (topology, scene) => startPair(topology, scene, 'h2'),
}

function missing(): string | undefined {
  return findCommand('haproxy') ? undefined : 'haproxy is not installed: apt-get install haproxy'
}

async function startHop(topology: Topology, scene: Scene): Promise<RunningPeer> {
  const port = await freePort()
  const { http1, http2 } = scene.backend
  const [wire, backend] = topology === 'h2c-hop' ? [' proto h2', http2] : ['', http1]
  const program = start(scene, `haproxy-${topology}`, 'http', `127.0.0.1:${port}${wire}`, `127.0.0.1:${backend}${wire}`)
  return { port, programs: [program] }
}

async function startPair(topology: Topology, scene: Scene, alpn: 'http/1.1' | 'h2'): Promise<RunningPeer> {
  const [near, far] = [await freePort(), await freePort()]
  const mode = topology === 'tcp-pair' ? 'tcp' : 'http'
  // What passes bytes agrees on no protocol.
  const tls = haproxyTls(scene.certificates, mode === 'tcp' ? undefined : alpn)
  const name = `haproxy-${topology}-${alpn.replace('/', '')}`
  const programs = [
    start(scene, `${name}-far`, mode, `127.0.0.1:${far} ${tls.bind}`, `127.0.0.1:${scene.backend.http1}`),
    start(scene, `${name}-near`, mode, `127.0.0.1:${near}`, `127.0.0.1:${far} ${tls.server}`),
  ]
  return { port: near, programs }
}

async function startInbound(scene: Scene): Promise<RunningPeer> {
  const port = await freePort()
  const { bind } = haproxyTls(scene.certificates, 'http/1.1')
  const program = start(
    scene,
    'haproxy-inbound',
    'http',
    `127.0.0.1:${port} ${bind}`,
    `127.0.0.1:${scene.backend.http1}`,
  )
  return { port, programs: [program] }
}

function start(scene: Scene, name: string, mode: 'http' | 'tcp', bind: string, server: string) {
  const bufferBytes = name.includes('bulk') || mode === 'tcp' ? BULK_BUFFER_BYTES : BUFFER_BYTES
  const path = scene.workspace.write(`${name}.cfg`, haproxyConfig({ mode, bind, server, bufferBytes }))
  return scene.workspace.start(PROXY_CORES, findCommand('haproxy') ?? 'haproxy', ['-db', '-f', path])
}
