// `node tools/h2spec/main.ts`: h2spec against a gateway of a sidecar, in plaintext and with TLS. See docs/conformance.md.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { preparedH2spec, runH2spec } from './h2spec.ts'

const ENTRY = fileURLToPath(new URL('../../bin/selvedge.js', import.meta.url))
const READY = /^selvedge sidecar ready (\{.*\})$/
const READY_MS = 30_000

const dir = mkdtempSync(join(tmpdir(), 'selvedge-h2spec-'))
const application = createServer((request, response) => {
  request.resume().on('end', () => response.end('an answer of some length\n'))
})
let sidecar: ChildProcess | undefined
try {
  const h2spec = await preparedH2spec()
  application.listen(0, '127.0.0.1')
  await once(application, 'listening')
  sidecar = startSidecar((application.address() as AddressInfo).port)
  const [plain = 0, tls = 0] = await gatewayPorts(sidecar)
  for (const wish of [
    { port: plain, tls: false },
    { port: tls, tls: true },
  ]) {
    const { output, tests, passed } = await runH2spec(h2spec, wish)
    console.log(`${wish.tls ? 'with TLS' : 'in plaintext'}\n\n${output}`)
    if (tests !== passed) process.exitCode = 1
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error))
  process.exitCode = 1
} finally {
  sidecar?.kill()
  application.close().closeAllConnections()
  rmSync(dir, { recursive: true, force: true })
}

function startSidecar(port: number): ChildProcess {
  const config = join(dir, 'mesh.yaml')
  writeFileSync(config, resources(port))
  execFileSync(process.execPath, [ENTRY, 'cert', 'init', join(dir, 'ca')], { stdio: 'ignore' })
  const args = [
    ...[ENTRY, 'sidecar', '--config', config, '--ca-dir', join(dir, 'ca'), '--workload', 'test/gateway-1'],
    ...['--outbound-port', '0', '--inbound-port', '0', '--admin-port', '0', '--metrics-port', '0'],
    ...['--gateway', '0=web:80', '--gateway', 'https://0=web:80', '--log-level', 'error'],
  ]
  return spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
}

/** From the line in which the sidecar says where it listens. */
async function gatewayPorts({ stdout }: ChildProcess): Promise<number[]> {
  if (stdout === null) throw new Error('Cannot read where the sidecar listens: it has no stdout')
  const late = setTimeout(() => stdout.destroy(), READY_MS)
  for await (const line of createInterface(stdout)) {
    const ready = READY.exec(line)?.[1]
    if (ready === undefined) continue
    clearTimeout(late)
    return (JSON.parse(ready) as { gateways: string[] }).gateways.map(address => Number(address.split(':').at(-1)))
  }
  throw new Error('Cannot reach the sidecar: it has ended, or does not get ready')
}

function resources(port: number): string {
  return `apiVersion: v1
kind: Service
metadata: { name: web, namespace: test }
spec:
  selector: { app: web }
  ports: [{ name: main, port: 80, targetPort: ${port}, appProtocol: http }]
---
apiVersion: selvedge.dev/v1
kind: Workload
metadata: { name: web-1, namespace: test, labels: { app: web } }
spec: { address: 127.0.0.1, serviceAccount: web, ports: [{ port: ${port}, protocol: http }] }
---
apiVersion: selvedge.dev/v1
kind: Workload
metadata: { name: gateway-1, namespace: test, labels: { app: gateway } }
spec: { address: 127.0.0.1, serviceAccount: gateway }
`
}
