// Run in a network namespace of its own: a sidecar, callers at both doors, and exchanges that wait for an answer. Then the network is cut without a
// word to anybody, and the program waits until the sidecar has let go of all its ends. Prints one line of JSON.
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { connect as connectTls } from 'node:tls'
import { fileURLToPath } from 'node:url'
import { initCaDir } from '../../../certs/mod.ts'
import type { TrustDomain } from '../../../common/mod.ts'
import { service, textOf, workload } from '../../in-process/resources.ts'
import { peerOptions } from './peer.ts'

const SELVEDGE = fileURLToPath(new URL('../../../bin/selvedge.js', import.meta.url))
const GIVE_UP_MS = 60_000
const POLL_MS = 100

const pause = (ms: number) => new Promise(resolve => setTimeout(resolve, ms))

/** Ends of established connections in this namespace. */
function ends(): number {
  const [, ...lines] = readFileSync('/proc/net/tcp', 'utf8').trim().split('\n')
  return lines.filter(line => line.trim().split(/\s+/)[3] === '01').length
}

execFileSync('ip', ['link', 'set', 'lo', 'up'])
const dir = mkdtempSync(join(tmpdir(), 'selvedge-half-open-'))
const caDir = join(dir, 'ca')
const made = initCaDir(caDir, { trustDomain: 'mesh.test' as TrustDomain, nowMs: Date.now() })
if (!made.ok) throw new Error(made.error)

// It answers nothing, and watches nothing.
const application = createServer(socket => void socket.on('error', () => undefined).resume()).listen(0, '127.0.0.1')
await once(application, 'listening')
const { port } = application.address() as AddressInfo
const file = join(dir, 'mesh.yaml')
const resources = [workload('app', { labels: { app: 'app' }, port }), service('app', { app: 'app' })]
writeFileSync(file, textOf(resources))

const places = ['--outbound-port', '--inbound-port', '--admin-port', '--metrics-port'].flatMap(flag => [flag, '0'])
const own = ['--workload', 'shop/app', '--config', file, '--ca-dir', caDir, '--port', `http=${port}`]
const sidecar = spawn(process.execPath, [SELVEDGE, 'sidecar', ...own, ...places], {
  stdio: ['ignore', 'pipe', 'ignore'],
})
const [ready] = (await once(createInterface({ input: sidecar.stdout }), 'line')) as [string]
const addresses = JSON.parse(ready.slice(ready.indexOf('{'))) as { outbound: string; inbound: string }
const portOf = (address: string): number => Number(address.slice(address.lastIndexOf(':') + 1))

const callers = [
  connect({ host: '127.0.0.1', port: portOf(addresses.outbound) }),
  connectTls({ port: portOf(addresses.inbound), ...peerOptions(caDir) }),
]
for (const caller of callers) {
  caller.on('error', () => undefined)
  caller.resume()
  caller.write('GET / HTTP/1.1\r\nHost: app\r\n\r\n')
}
// Each of the two has a connection to the sidecar, and the sidecar one to the application for each.
for (let waited = 0; ends() < 8 && waited < GIVE_UP_MS; waited += POLL_MS) await pause(POLL_MS)
// What was said last is acknowledged: from here on there is silence.
await pause(500)
const before = ends()
execFileSync('ip', ['link', 'set', 'lo', 'down'])
const cutMs = performance.now()
while (ends() > 4 && performance.now() - cutMs < GIVE_UP_MS) await pause(POLL_MS)
console.log(JSON.stringify({ before, after: ends(), foundMs: performance.now() - cutMs }))
sidecar.kill('SIGKILL')
rmSync(dir, { recursive: true })
process.exit(0)
