import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { eventually, yes } from './kit/eventually.ts'
import { InjectedPod, PodNetwork } from './kit/injected-pod.ts'
import { type Program, run, runSelvedge, startSelvedge } from './kit/program.ts'

const PORT = 8_080
const CLUSTER_IP = '10.96.0.53'
const READY_MS = 20_000

const APPLICATION = `
require('node:http').createServer((request, response) => {
  response.statusCode = request.url === '/ready' ? 200 : 404
  response.end(JSON.stringify({ caller: request.headers['x-selvedge-caller'] ?? 'nobody' }))
}).listen(${PORT}, '0.0.0.0', () => console.log('listening'))
`

/** As kubectl prints it. */
const SERVICE = `
apiVersion: v1
kind: Service
metadata: { name: reviews, namespace: shop, uid: 7bb6f2b1-6f8c-4c1f-8b7f-5b0d1a9f0f11 }
spec:
  clusterIP: ${CLUSTER_IP}
  clusterIPs: [${CLUSTER_IP}]
  internalTrafficPolicy: Cluster
  ipFamilies: [IPv4]
  ipFamilyPolicy: SingleStack
  ports: [{ name: http, port: 80, protocol: TCP, targetPort: http }]
  selector: { app: reviews }
  sessionAffinity: None
  type: ClusterIP
status: { loadBalancer: {} }
`

let folder: string
let network: PodNetwork
let plane: Program
let reviews: InjectedPod
let load: InjectedPod
/** For the command line, as the Deployment of the control plane has it. */
let commands: Readonly<Record<string, string>>

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'selvedge-pod-'))
  chmodSync(folder, 0o755)
  network = new PodNetwork()
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
  const make = async (name: string, serviceAccount: string, app: object) => {
    const made = await runSelvedge(['token', 'create', '--service-account', `shop/${serviceAccount}`], {
      env: commands,
    })
    return InjectedPod.make(network, folder, {
      ...{ name, serviceAccount, app, joinToken: made.stdout },
      controlPlane: at.discovery.replace('0.0.0.0', network.nodeIp),
      enrolment: at.enrolment.replace('0.0.0.0', network.nodeIp),
    })
  }
  reviews = await make('reviews-1', 'reviews', {
    ports: [{ name: 'http', containerPort: PORT }],
    readinessProbe: { httpGet: { path: '/ready', port: 'http' } },
    livenessProbe: { tcpSocket: { port: 'http' } },
  })
  load = await make('load-1', 'load', {})
})
afterAll(async () => {
  for (const ended of [reviews, load, plane]) await ended?.end()
  network?.close()
  rmSync(folder, { recursive: true, force: true })
})

describe('an injected pod', () => {
  test('comes up in its order: the rules, with two capabilities, and the sidecar, with none, which joins by its token', async () => {
    await reviews.start()
    await reviews.startApplication(APPLICATION)
  })

  test("the kubelet's probes are answered for the application: well while it is, and not when it is not", async () => {
    expect(await reviews.probed('readinessProbe')).toBe(200)
    expect(await reviews.probed('livenessProbe')).toBe(200)
    await reviews.application?.end()
    expect(await reviews.probed('readinessProbe')).toBe(503)
    expect(await reviews.probed('livenessProbe')).toBe(503)
    await reviews.startApplication(APPLICATION)
    expect(await reviews.probed('readinessProbe')).toBe(200)
  })

  test('nobody reaches the application past its sidecar, which refuses who has no certificate', async () => {
    const answer = await reviews.asked('/ready', PORT).catch((error: unknown) => error)
    expect(String(answer instanceof Error ? answer.cause : answer)).toMatch(/other side closed|ECONNRESET/)
    // It was the sidecar that said no.
    await eventually('a refusal in its metrics', READY_MS, async () => {
      const { text } = await reviews.asked('/metrics', 15_020)
      return yes(/^selvedge_refusals_total\{cause="(tls-handshake|unauthenticated)"\} [1-9]/m.test(text))
    })
  })

  test('it is known to the control plane as its service account, and by its name', async () => {
    await eventually('the workload', READY_MS, async () => {
      const { stdout } = await runSelvedge(['proxy', 'status', '-o', 'json'], { env: commands })
      return yes(stdout.includes('shop/reviews-1'))
    })
    const { stdout } = await runSelvedge(['get', 'workloads', '-n', 'shop', '-o', 'json'], { env: commands })
    expect(stdout).toContain('"serviceAccount": "reviews"')
    expect(stdout).toContain(reviews.ip)
  })

  test("another pod's program that calls the Service's clusterIP, knowing nothing of the mesh, is answered, and known by its identity", async () => {
    const applied = await runSelvedge(['apply', '-f', '-'], { input: SERVICE, env: commands })
    expect(applied).toMatchObject({ code: 0 })
    await load.start()
    const call = `fetch('http://${CLUSTER_IP}/ready').then(async answer => console.log(answer.status, await answer.text()))`
    const { stdout, stderr } = await run(load.asApplication(process.execPath, '-e', call))
    expect({ stdout, stderr }).toEqual({
      stdout: '200 {"caller":"spiffe://cluster.local/ns/shop/sa/load"}\n',
      stderr: '',
    })
  })

  test('its sidecar comes back after a crash without another use of the token', async () => {
    await reviews.sidecar?.end()
    expect(await reviews.asked('/readyz', 15_020).catch(() => 'away')).toBe('away')
    // The token was good for one use alone.
    await reviews.startSidecar()
    expect(await reviews.probed('readinessProbe')).toBe(200)
  })

  test('its hook takes it out of service before it ends, while the application is still asked', async () => {
    const { sidecar } = reviews.containers
    const [program, ...args] = sidecar.lifecycle?.preStop.exec.command ?? []
    expect(program).toBe('selvedge')
    expect(await run(reviews.command(sidecar, args))).toMatchObject({ code: 0, stderr: '' })
    expect(await reviews.asked('/readyz', 15_020)).toMatchObject({ status: 503, text: 'draining\n' })
    expect(await reviews.probed('readinessProbe')).toBe(200)
  })
})
