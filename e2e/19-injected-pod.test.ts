import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { eventually, yes } from './kit/eventually.ts'
import { type Program, run, runSelvedge, startProgram, startSelvedge } from './kit/program.ts'

/**
 * A pod as "selvedge inject" makes it, in a network namespace in the place of a kubelet: its containers are started in their order, each with its user,
 * its capabilities and its arguments, and this machine asks what the kubelet would ask.
 */
const POD = 'shop/reviews-1'
const APP_PORT = 8_080
const APP_UID = 1_000
const READY_MS = 20_000
/** Of this process: several runs of the tests may stand beside each other. */
const UNIQUE = (process.pid % 62) * 4
const NETWORK = `selvedge-${process.pid}`
const LINK = `sv${process.pid}`
const NODE_IP = `10.213.${UNIQUE}.1`
const POD_IP = `10.213.${UNIQUE}.2`

const MANIFEST = `
apiVersion: v1
kind: Pod
metadata: { name: reviews-1, namespace: shop, labels: { app: reviews } }
spec:
  serviceAccountName: reviews
  containers:
    - name: app
      image: reviews:1
      ports: [{ name: http, containerPort: ${APP_PORT} }]
      readinessProbe: { httpGet: { path: /ready, port: http } }
      livenessProbe: { tcpSocket: { port: http } }
`

const APPLICATION = `
require('node:http').createServer((request, response) => {
  response.statusCode = request.url === '/ready' ? 200 : 404
  response.end('of the application')
}).listen(${APP_PORT}, '0.0.0.0', () => console.log('listening'))
`

interface Container {
  readonly name: string
  readonly args: readonly string[]
  readonly env?: readonly {
    readonly name: string
    readonly value?: string
    readonly valueFrom?: { readonly fieldRef: { readonly fieldPath: string } }
  }[]
  readonly readinessProbe?: { readonly httpGet: { readonly path: string; readonly port: number } }
  readonly livenessProbe?: { readonly httpGet: { readonly path: string; readonly port: number } }
  readonly lifecycle?: { readonly preStop: { readonly exec: { readonly command: readonly string[] } } }
  readonly securityContext: {
    readonly runAsUser: number
    readonly runAsGroup: number
    readonly capabilities: { readonly add?: readonly string[] }
  }
}

let folder: string
let plane: Program
let sidecar: Program | undefined
let application: Program | undefined
let containers: { readonly init: Container; readonly sidecar: Container; readonly app: Container }
/** For the command line, as the Deployment of the control plane has it. */
let commands: Readonly<Record<string, string>>

const ip = (...args: readonly string[]) => execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] })
const inNetwork = (...command: readonly string[]): [string, ...string[]] => ['ip', 'netns', 'exec', NETWORK, ...command]

function makeNetwork(): void {
  ip('netns', 'add', NETWORK)
  ip('link', 'add', LINK, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', NETWORK)
  ip('addr', 'add', `${NODE_IP}/30`, 'dev', LINK)
  ip('link', 'set', LINK, 'up')
  ip('-n', NETWORK, 'addr', 'add', `${POD_IP}/30`, 'dev', 'eth0')
  ip('-n', NETWORK, 'link', 'set', 'eth0', 'up')
  ip('-n', NETWORK, 'link', 'set', 'lo', 'up')
  ip('-n', NETWORK, 'route', 'add', 'default', 'via', NODE_IP)
}

/** As its securityContext says: its user, and no capability but those that are added. */
function asItsUser({ securityContext }: Container, command: readonly string[]): [string, ...string[]] {
  const { runAsUser, runAsGroup, capabilities } = securityContext
  const kept = (capabilities.add ?? []).map(name => `+${name.toLowerCase()}`)
  return inNetwork(
    ...['setpriv', `--reuid=${runAsUser}`, `--regid=${runAsGroup}`, '--clear-groups', '--no-new-privs'],
    ...[`--bounding-set=${['-all', ...kept].join(',')}`, '--', ...command],
  )
}

/** What the kubelet puts into arguments: the pod's own facts, and where volumes are mounted. */
function argumentsOf({ env = [], ...container }: Container, args = container.args): readonly string[] {
  const facts: Readonly<Record<string, string>> = {
    'metadata.name': 'reviews-1',
    'metadata.namespace': 'shop',
    'status.podIP': POD_IP,
    'spec.serviceAccountName': 'reviews',
  }
  const known = new Map(
    env.map(({ name, value, valueFrom }) => [name, value ?? facts[valueFrom?.fieldRef.fieldPath ?? ''] ?? '']),
  )
  return args.map(arg =>
    arg
      .replace(/\$\((\w+)\)/g, (_, name: string) => known.get(name) ?? '')
      .replace('/var/run/selvedge/identity', join(folder, 'identity'))
      .replace('/var/lib/selvedge', join(folder, 'state')),
  )
}

function environmentOf({ env = [] }: Container): Record<string, string> {
  return Object.fromEntries(env.flatMap(({ name, value }) => (value === undefined ? [] : [[name, value]])))
}

const selvedge = (args: readonly string[]) => [
  process.execPath,
  join(import.meta.dirname, '../bin/selvedge.js'),
  ...args,
]

function startSidecar(): Program {
  const { sidecar: container } = containers
  return startProgram(asItsUser(container, selvedge(argumentsOf(container))), { env: environmentOf(container) })
}

async function startApplication(): Promise<Program> {
  const user = [`--reuid=${APP_UID}`, `--regid=${APP_UID}`, '--clear-groups']
  const started = startProgram(inNetwork('setpriv', ...user, '--', process.execPath, '-e', APPLICATION))
  await started.line(/listening/, READY_MS)
  return started
}

/** As the kubelet asks: from the node, in plaintext. */
async function asked(path: string, port: number): Promise<{ readonly status: number; readonly text: string }> {
  const answer = await fetch(`http://${POD_IP}:${port}${path}`, {
    headers: { connection: 'close' },
    signal: AbortSignal.timeout(3_000),
  })
  return { status: answer.status, text: await answer.text() }
}

const probed = async (kind: 'readinessProbe' | 'livenessProbe') => {
  const { path = '', port = 0 } = containers.app[kind]?.httpGet ?? {}
  return (await asked(path, port)).status
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'selvedge-pod-'))
  // Volumes: one that is read, and one that anybody may write to, as an emptyDir is.
  chmodSync(folder, 0o755)
  mkdirSync(join(folder, 'identity'))
  mkdirSync(join(folder, 'state'))
  chmodSync(join(folder, 'state'), 0o777)
  makeNetwork()
  const dataDir = join(folder, 'data')
  await runSelvedge(['cert', 'init', join(folder, 'ca')])
  plane = startSelvedge([
    ...['control-plane', '--host', '0.0.0.0', '--data-dir', dataDir, '--ca-from', join(folder, 'ca')],
    ...['--rest-port', '0', '--enrolment-port', '0', '--discovery-port', '0', '--metrics-port', '0'],
  ])
  const [, ready = ''] = await plane.line(/^selvedge control-plane ready (.*)$/, READY_MS)
  const at = JSON.parse(ready) as { readonly rest: string; readonly enrolment: string; readonly discovery: string }
  commands = {
    SELVEDGE_SERVER: at.rest.replace('0.0.0.0', '127.0.0.1'),
    SELVEDGE_CA: join(dataDir, 'ca', 'ca.crt'),
    SELVEDGE_TOKEN_FILE: join(dataDir, 'admin.token'),
  }
  const token = await runSelvedge(['token', 'create', '--service-account', 'shop/reviews'], { env: commands })
  writeFileSync(join(folder, 'identity', 'join-token'), token.stdout, { mode: 0o644 })
  const { stdout, stderr } = await runSelvedge(
    [
      ...['inject', '-f', '-', '-o', 'json', '--control-plane', at.discovery.replace('0.0.0.0', NODE_IP)],
      ...['--enrolment', at.enrolment.replace('0.0.0.0', NODE_IP)],
    ],
    { input: MANIFEST },
  )
  expect(stderr).toBe(`injected Pod ${POD}\n`)
  const { spec } = JSON.parse(stdout) as {
    readonly spec: { readonly initContainers: readonly Container[]; readonly containers: readonly Container[] }
  }
  containers = { init: spec.initContainers[0]!, sidecar: spec.initContainers[1]!, app: spec.containers[0]! }
})
afterAll(async () => {
  for (const program of [application, sidecar, plane]) await program?.end()
  ip('netns', 'del', NETWORK)
  rmSync(folder, { recursive: true, force: true })
})

describe('an injected pod', () => {
  test('comes up in its order: the rules, with two capabilities, and the sidecar, with none, which joins by its token', async () => {
    const rules = await run(asItsUser(containers.init, selvedge(argumentsOf(containers.init))))
    expect(rules).toMatchObject({ code: 0, stdout: expect.stringContaining('installed the redirect rules') })
    sidecar = startSidecar()
    // What the startup probe asks.
    await eventually('the sidecar to be ready', READY_MS, async () =>
      yes((await asked('/readyz', 15_020)).status === 200),
    )
    application = await startApplication()
  })

  test("the kubelet's probes are answered for the application: well while it is, and not when it is not", async () => {
    expect(await probed('readinessProbe')).toBe(200)
    expect(await probed('livenessProbe')).toBe(200)
    await application?.end()
    expect(await probed('readinessProbe')).toBe(503)
    expect(await probed('livenessProbe')).toBe(503)
    application = await startApplication()
    expect(await probed('readinessProbe')).toBe(200)
  })

  test('nobody reaches the application past its sidecar, which refuses who has no certificate', async () => {
    const answer = await asked('/ready', APP_PORT).catch((error: unknown) => error)
    expect(String(answer instanceof Error ? answer.cause : answer)).toMatch(/other side closed|ECONNRESET/)
    // It was the sidecar that said no.
    await eventually('a refusal in its metrics', READY_MS, async () => {
      const { text } = await asked('/metrics', 15_020)
      return yes(/^selvedge_refusals_total\{cause="(tls-handshake|unauthenticated)"\} [1-9]/m.test(text))
    })
  })

  test('it is known to the control plane as its service account, and by its name', async () => {
    await eventually('the workload', READY_MS, async () => {
      const { stdout } = await runSelvedge(['proxy', 'status', '-o', 'json'], { env: commands })
      return yes(stdout.includes(POD))
    })
    const { stdout } = await runSelvedge(['get', 'workloads', '-n', 'shop', '-o', 'json'], { env: commands })
    expect(stdout).toContain('"serviceAccount": "reviews"')
    expect(stdout).toContain(POD_IP)
  })

  test('its sidecar comes back after a crash without another use of the token', async () => {
    await sidecar?.end()
    expect(await asked('/readyz', 15_020).catch(() => 'away')).toBe('away')
    // The token was good for one use alone.
    sidecar = startSidecar()
    await eventually('the sidecar to be ready', READY_MS, async () =>
      yes((await asked('/readyz', 15_020)).status === 200),
    )
    expect(await probed('readinessProbe')).toBe(200)
  })

  test('its hook takes it out of service before it ends, while the application is still asked', async () => {
    const [program, ...args] = containers.sidecar.lifecycle?.preStop.exec.command ?? []
    expect(program).toBe('selvedge')
    const hook = await run(asItsUser(containers.sidecar, selvedge(argumentsOf(containers.sidecar, args))))
    expect(hook).toMatchObject({ code: 0, stderr: '' })
    expect(await asked('/readyz', 15_020)).toMatchObject({ status: 503, text: 'draining\n' })
    expect(await probed('readinessProbe')).toBe(200)
  })
})
