import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type Case, NAMESPACE, PROXY_CORE, SERVICE_NAME } from '../plan.ts'
import { freePort, type Program } from '../workspace.ts'
import type { Peer, RunningPeer, Scene } from './peer.ts'

const ENTRY = fileURLToPath(new URL('../../bin/selvedge.js', import.meta.url))
const READY = /selvedge sidecar ready (\{.*\})/
const READY_TIMEOUT_MS = 10_000

/** This project's sidecar in file mode: explicit outbound port, requests routed by their Host. */
export const selvedge: Peer = {
  name: 'selvedge',
  cases: ['h1', 'mtls'],
  missing: () => (existsSync(ENTRY) ? undefined : 'selvedge is not here: run the bench from its checkout'),
  start: (one: Case, scene: Scene) => (one === 'h1' ? startHop(scene) : startPair(scene)),
}

/** The backend's workload has no inbound port, so it is not in the mesh: plaintext is what its callers speak to it. */
async function startHop(scene: Scene): Promise<RunningPeer> {
  const config = scene.workspace.write('selvedge-hop.yaml', resources(scene.backendPort))
  const near = startSidecar(scene, config, 'caller-1', 0)
  return { url: await outboundUrl(near), programs: [near] }
}

async function startPair(scene: Scene): Promise<RunningPeer> {
  const inboundPort = await freePort()
  const config = scene.workspace.write('selvedge-pair.yaml', resources(scene.backendPort, inboundPort))
  const far = startSidecar(scene, config, `${SERVICE_NAME}-1`, inboundPort)
  const near = startSidecar(scene, config, 'caller-1', 0)
  await outboundUrl(far)
  return { url: await outboundUrl(near), programs: [far, near] }
}

function startSidecar(scene: Scene, config: string, workload: string, inboundPort: number): Program {
  const args = [
    ...[ENTRY, 'sidecar', '--config', config, '--workload', `${NAMESPACE}/${workload}`],
    ...['--ca-dir', scene.certificates.caDir, '--outbound-port', '0', '--inbound-port', String(inboundPort)],
    ...['--admin-port', '0', '--metrics-port', '0'],
  ]
  return scene.workspace.start(PROXY_CORE, process.execPath, args)
}

/** Waits for the line in which the sidecar says where it listens. */
async function outboundUrl(program: Program): Promise<string> {
  const endMs = performance.now() + READY_TIMEOUT_MS
  for (;;) {
    const ready = READY.exec(program.output())?.[1]
    if (ready !== undefined) return `http://${(JSON.parse(ready) as { outbound: string }).outbound}/`
    if (program.hasEnded() || performance.now() > endMs) throw new Error(`it does not get ready: ${lastWords(program)}`)
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

/** The line that names the fault, where there is a stack trace below it. */
function lastWords(program: Program): string {
  const output = program.output()
  return /^(\w*Error|Cannot|error:).*$/m.exec(output)?.[0] ?? output
}

function resources(backendPort: number, inboundPort?: number): string {
  return `apiVersion: v1
kind: Service
metadata: { name: ${SERVICE_NAME}, namespace: ${NAMESPACE} }
spec:
  selector: { app: ${SERVICE_NAME} }
  ports: [{ name: http, port: 80, targetPort: ${backendPort}, appProtocol: http }]
---
apiVersion: selvedge.dev/v1
kind: Workload
metadata: { name: ${SERVICE_NAME}-1, namespace: ${NAMESPACE}, labels: { app: ${SERVICE_NAME} } }
spec:
  address: 127.0.0.1
  serviceAccount: ${SERVICE_NAME}
  ports: [{ port: ${backendPort}, protocol: http }]
${inboundPort === undefined ? '' : `  inboundPort: ${inboundPort}\n`}---
apiVersion: selvedge.dev/v1
kind: Workload
metadata: { name: caller-1, namespace: ${NAMESPACE}, labels: { app: caller } }
spec: { address: 127.0.0.1, serviceAccount: caller }
`
}
