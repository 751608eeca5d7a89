import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { NAMESPACE, PROXY_CORES, SERVICE_HOST, SERVICE_NAME } from '../plan.ts'
import { freePort, type Program } from '../workspace.ts'
import type { Peer, RunningPeer, Scene } from './peer.ts'
import { type Application, resources } from './selvedge-resources.ts'

const ENTRY = fileURLToPath(new URL('../../bin/selvedge.js', import.meta.url))
const READY = /selvedge sidecar ready (\{.*\})/
const READY_TIMEOUT_MS = 10_000

/** This project's sidecar in file mode: explicit outbound port, requests routed by their Host. */
export const selvedge: Peer = {
  name: 'selvedge',
  topologies: ['hop', 'pair', 'bulk-pair', 'h2c-hop', 'tcp-pair', 'inbound'],
  warmUpSeconds: 5,
  missing: () => (existsSync(ENTRY) ? undefined : 'selvedge is not here: run the bench from its checkout'),
  start: (topology, scene) => {
    const { http1, http2 } = scene.backend
    switch (topology) {
      case 'hop':
        return startHop(scene, { port: http1, protocol: 'http' })
      case 'h2c-hop':
        return startHop(scene, { port: http2, protocol: 'http2' })
      case 'pair':
      case 'bulk-pair':
        return startPair(scene, { port: http1, protocol: 'http' })
      case 'tcp-pair':
        return startTcpPair(scene, { port: http1, protocol: 'tcp' })
      case 'inbound':
        return startInbound(scene, { port: http1, protocol: 'http' })
    }
  },
}

async function startHop(scene: Scene, application: Application): Promise<RunningPeer> {
  const near = startCaller(scene, write(scene, `hop-${application.protocol}`, application))
  return { port: await outboundPort(near), programs: [near] }
}

async function startPair(scene: Scene, application: Application): Promise<RunningPeer> {
  const { config, far } = await startFar(scene, 'pair', application)
  const near = startCaller(scene, config)
  return { port: await outboundPort(near), programs: [far, near] }
}

/** Bytes say nothing of where they go: a listener of its own sends all of them to the service. */
async function startTcpPair(scene: Scene, application: Application): Promise<RunningPeer> {
  const { config, far } = await startFar(scene, 'tcp-pair', application)
  const port = await freePort()
  const near = startCaller(scene, config, ['--gateway', `127.0.0.1:${port}=${SERVICE_HOST}:80`])
  await outboundPort(near)
  return { port, programs: [far, near] }
}

async function startInbound(scene: Scene, application: Application): Promise<RunningPeer> {
  const { far, inboundPort } = await startFar(scene, 'inbound', application)
  return { port: inboundPort, programs: [far] }
}

async function startFar(scene: Scene, name: string, application: Application) {
  const inboundPort = await freePort()
  const config = write(scene, name, { ...application, inboundPort })
  const far = startSidecar(scene, config, `${SERVICE_NAME}-1`, inboundPort, [])
  await outboundPort(far)
  return { config, far, inboundPort }
}

function write(scene: Scene, name: string, application: Application): string {
  return scene.workspace.write(`selvedge-${name}.yaml`, resources(application))
}

function startCaller(scene: Scene, config: string, more: readonly string[] = []): Program {
  return startSidecar(scene, config, 'caller-1', 0, more)
}

function startSidecar(
  scene: Scene,
  config: string,
  workload: string,
  inboundPort: number,
  more: readonly string[],
): Program {
  const args = [
    ...[ENTRY, 'sidecar', '--config', config, '--workload', `${NAMESPACE}/${workload}`],
    ...['--ca-dir', scene.certificates.caDir, '--outbound-port', '0', '--inbound-port', String(inboundPort)],
    ...['--admin-port', '0', '--metrics-port', '0', ...more],
  ]
  return scene.workspace.start(PROXY_CORES, process.execPath, args)
}

/** Waits for the line in which the sidecar says where it listens. */
async function outboundPort(program: Program): Promise<number> {
  const endMs = performance.now() + READY_TIMEOUT_MS
  for (;;) {
    const ready = READY.exec(program.output())?.[1]
    if (ready !== undefined) return Number((JSON.parse(ready) as { outbound: string }).outbound.split(':').at(-1))
    if (program.hasEnded() || performance.now() > endMs) throw new Error(`it does not get ready: ${lastWords(program)}`)
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

/** The line that names the fault, where there is a stack trace below it. */
function lastWords(program: Program): string {
  const output = program.output()
  return /^(\w*Error|Cannot|error:).*$/m.exec(output)?.[0] ?? output
}
