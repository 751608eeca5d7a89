import { join } from 'node:path'
import { connect } from 'node:tls'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Program, runSelvedge, startSelvedge } from '../kit/program.ts'
import { type Cluster, makeNamespace, startCluster } from './cluster.ts'
import { serveWebhook } from './webhook-server.ts'

interface Pod {
  readonly metadata: { readonly annotations?: Readonly<Record<string, string>> }
  readonly spec: {
    readonly initContainers?: readonly Container[]
    readonly containers: readonly Container[]
    readonly volumes?: readonly { readonly name: string }[]
  }
}

interface Container {
  readonly name: string
  readonly restartPolicy?: string
  readonly env?: readonly { readonly name: string; readonly value?: string }[]
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[]
  readonly readinessProbe?: { readonly httpGet?: { readonly path: string; readonly port: number } }
}

interface WebhookConfiguration {
  readonly apiVersion: string
  readonly kind: string
  readonly webhooks: readonly { readonly clientConfig: object }[]
}

/** What a change takes to be in force. */
const SOON = { timeout: 20_000, interval: 500 }
const CONFIGURATION = 'mutatingwebhookconfiguration/selvedge-inject'

const START_MS = 20_000

let cluster: Cluster
let plane: Program | undefined
let webhookPort: number
/** For the command line, as the Deployment has it. */
let commands: Readonly<Record<string, string>>

/** The control plane, as the Deployment that `selvedge install` prints starts it. */
async function startPlane(port: number): Promise<void> {
  plane = startSelvedge([
    ...['control-plane', '--host', '0.0.0.0', '--data-dir', join(cluster.folder, 'data')],
    ...['--ca-from', join(cluster.folder, 'ca'), '--dns-name', 'selvedge-control-plane.selvedge-system.svc'],
    ...['--rest-port', '0', '--enrolment-port', '0', '--discovery-port', '0', '--metrics-port', '0'],
    ...['--webhook-port', String(port), '--leaf-life', '20s'],
  ])
  const [, ready = ''] = await plane.line(/^selvedge control-plane ready (.*)$/, START_MS)
  const { webhook, rest } = JSON.parse(ready) as { readonly webhook: string; readonly rest: string }
  webhookPort = Number(webhook.split(':').at(-1))
  commands = {
    SELVEDGE_SERVER: rest.replace('0.0.0.0', '127.0.0.1'),
    SELVEDGE_CA: join(cluster.folder, 'ca', 'ca.crt'),
    SELVEDGE_TOKEN_FILE: join(cluster.folder, 'data', 'admin.token'),
  }
}

beforeAll(async () => {
  cluster = await startCluster()
  const { stdout } = await runSelvedge(['install', '--ca-dir', join(cluster.folder, 'ca'), '--crds'])
  await cluster.must(['apply', '-f', '-'], stdout)
  await startPlane(0)
  await cluster.lead('selvedge-control-plane', webhookPort, 'https-webhook')
  await makeNamespace(cluster, 'shop', { 'selvedge.dev/inject': 'enabled' })
  await makeNamespace(cluster, 'plain', {})
})
afterAll(async () => {
  await plane?.end()
  cluster?.close()
})

function pod(name: string, namespace: string, spec: object = {}, metadata: object = {}): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, ...metadata },
    spec: {
      containers: [
        {
          name: 'app',
          image: 'app:1',
          ports: [{ name: 'http', containerPort: 8080 }],
          readinessProbe: { httpGet: { path: '/ready', port: 'http' } },
        },
      ],
      ...spec,
    },
  })
}

const names = (list: readonly { readonly name: string }[] | undefined) => (list ?? []).map(({ name }) => name)

/** Of the certificate that a server shows. */
function serialAt(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate().serialNumber)
      socket.destroy()
    })
    socket.on('error', reject)
  })
}

describe('a pod of a namespace that opted in', () => {
  test('gets its sidecar, ahead of its own containers, and keeps it as it is applied once more', async () => {
    await cluster.must(['apply', '-f', '-'], pod('reviews', 'shop'))
    const made = await cluster.get<Pod>('pod', 'reviews', '-n', 'shop')
    expect(names(made.spec.initContainers)).toEqual(['selvedge-init', 'selvedge-sidecar'])
    expect(made.spec.initContainers?.[1]?.restartPolicy).toBe('Always')
    expect(made.spec.containers[0]?.readinessProbe?.httpGet).toMatchObject({
      path: '/application/app/readiness',
      port: 15_020,
    })
    expect(names(made.spec.volumes)).toEqual(expect.arrayContaining(['selvedge-identity', 'selvedge-state']))
    // A pod as the API gives it, made once more: nothing is added twice.
    const again = JSON.stringify({
      ...made,
      metadata: { ...made.metadata, name: 'again', uid: '', resourceVersion: '' },
    })
    await cluster.must(['create', '-n', 'shop', '-f', '-'], again)
    const twice = await cluster.get<Pod>('pod', 'again', '-n', 'shop')
    expect(names(twice.spec.initContainers)).toEqual(['selvedge-init', 'selvedge-sidecar'])
  })

  test("the sidecar's containers get no token for the Kubernetes API, though the application's do", async () => {
    const { spec } = await cluster.get<Pod>('pod', 'reviews', '-n', 'shop')
    const at = '/var/run/secrets/kubernetes.io/serviceaccount'
    const mounted = (container: Container | undefined) =>
      container?.volumeMounts
        ?.filter(({ mountPath }) => mountPath === at)
        .map(({ name }) => name.replace(/(access)-[a-z0-9]{5}$/, '$1'))
    expect(mounted(spec.containers[0])).toEqual(['kube-api-access'])
    expect((spec.initContainers ?? []).map(mounted)).toEqual([['selvedge-state'], ['selvedge-state']])
  })

  test('gets the same from the command line as from the webhook', async () => {
    const manifest = pod('by-hand', 'shop')
    const { stdout } = await runSelvedge(['inject', '-f', '-', '-o', 'json'], { input: manifest })
    await cluster.must(['apply', '-f', '-'], stdout)
    await cluster.must(['apply', '-f', '-'], pod('by-webhook', 'shop'))
    const [one, other] = await Promise.all(
      ['by-hand', 'by-webhook'].map(name => cluster.get<Pod>('pod', name, '-n', 'shop')),
    )
    const unnamed = (of: Pod | undefined) =>
      JSON.parse(JSON.stringify(of?.spec).replace(/kube-api-access-[a-z0-9]{5}/g, 'kube-api-access'))
    // Where a volume of Kubernetes' own comes among ours depends on who was first.
    const sorted = (of: ReturnType<typeof unnamed>) => ({
      ...of,
      volumes: of.volumes.toSorted((a: { name: string }, b: { name: string }) => a.name.localeCompare(b.name)),
    })
    expect(sorted(unnamed(one))).toEqual(sorted(unnamed(other)))
  })

  test('a dry run shows it, and keeps nothing', async () => {
    const out = await cluster.must(['apply', '--dry-run=server', '-o', 'json', '-f', '-'], pod('dry', 'shop'))
    expect(names((JSON.parse(out) as Pod).spec.initContainers)).toContain('selvedge-sidecar')
    expect((await cluster.kubectl(['get', 'pod', 'dry', '-n', 'shop'])).ok).toBe(false)
  })

  test.each([
    ['a label', { labels: { 'selvedge.dev/inject': 'false' } }],
    ['an annotation', { annotations: { 'selvedge.dev/inject': 'false' } }],
  ])('is left alone where %s says so', async (_, metadata) => {
    const out = await cluster.must(
      ['apply', '--dry-run=server', '-o', 'json', '-f', '-'],
      pod('out', 'shop', {}, metadata),
    )
    expect(names((JSON.parse(out) as Pod).spec.initContainers)).toEqual([])
  })

  test('is let through with a warning where it uses the network of its node', async () => {
    const { ok, err } = await cluster.kubectl(['apply', '-f', '-'], pod('agent', 'shop', { hostNetwork: true }))
    expect(ok).toBe(true)
    expect(err).toContain('the pod has no selvedge sidecar: it uses the network of its node')
  })

  test('is refused, with the reason and the way out, where a container runs as the sidecar does', async () => {
    const { ok, err } = await cluster.kubectl(
      ['apply', '-f', '-'],
      pod('sly', 'shop', { securityContext: { runAsUser: 1_337 } }),
    )
    expect(ok).toBe(false)
    expect(err).toContain('container app runs as user 1337')
    expect(err).toContain('selvedge.dev/inject: "false"')
  })

  test('is refused where an annotation is misspelt', async () => {
    const metadata = { annotations: { 'selvedge.dev/exclude-outbund-ports': '5432' } }
    const { err } = await cluster.kubectl(['apply', '-f', '-'], pod('slip', 'shop', {}, metadata))
    expect(err).toContain('did you mean selvedge.dev/exclude-outbound-ports?')
  })
})

test('a namespace that did not opt in is not asked about', async () => {
  await cluster.must(['apply', '-f', '-'], pod('reviews', 'plain'))
  const { spec } = await cluster.get<Pod>('pod', 'reviews', '-n', 'plain')
  expect(names(spec.initContainers)).toEqual([])
})

test('another webhook adds a container after us: we are asked once more, and see to its probes', async () => {
  const path = '/spec/containers/-'
  const value = { name: 'added', image: 'added:1', livenessProbe: { httpGet: { path: '/alive', port: 9_090 } } }
  const patch = Buffer.from(JSON.stringify([{ op: 'add', path, value }])).toString('base64')
  const late = await serveWebhook(join(cluster.folder, 'ca'), 'late', review => {
    const { uid } = (review as { readonly request: { readonly uid: string } }).request
    const response = { uid, allowed: true, patchType: 'JSONPatch', patch }
    return { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response }
  })
  try {
    const ours = await cluster.get<WebhookConfiguration>(CONFIGURATION)
    const [webhook] = ours.webhooks
    const service = { name: 'late', namespace: 'selvedge-system', path: '/', port: 443 }
    // Webhooks are asked in the order of their configurations' names.
    const configuration = {
      ...{ apiVersion: ours.apiVersion, kind: ours.kind, metadata: { name: 'z-late' } },
      webhooks: [
        {
          ...webhook,
          ...{
            name: 'late.example.com',
            reinvocationPolicy: 'Never',
            clientConfig: { ...webhook?.clientConfig, service },
          },
          objectSelector: { matchLabels: { late: 'yes' } },
        },
      ],
    }
    const made = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'late', namespace: 'selvedge-system' } }
    const port = { name: 'https', port: 443, targetPort: 'https' }
    await cluster.must(['apply', '-f', '-'], JSON.stringify({ ...made, spec: { ports: [port] } }))
    await cluster.lead('late', late.port, 'https')
    await cluster.must(['apply', '-f', '-'], JSON.stringify(configuration))
    const tried = async () => {
      const manifest = pod('late', 'shop', {}, { labels: { late: 'yes' } })
      const { out } = await cluster.kubectl(['apply', '--dry-run=server', '-o', 'json', '-f', '-'], manifest)
      return JSON.parse(out) as Pod
    }
    // A configuration holds a moment after it is written.
    await expect.poll(() => tried().then(({ spec }) => names(spec.containers)), SOON).toEqual(['app', 'added'])
    const { spec } = await tried()
    expect(names(spec.initContainers)).toEqual(['selvedge-init', 'selvedge-sidecar'])
    const probes = spec.initContainers?.[1]?.env?.find(({ name }) => name === 'SELVEDGE_APPLICATION_PROBES')?.value
    expect(Object.keys(JSON.parse(probes ?? '{}'))).toEqual([
      '/application/app/readiness',
      '/application/added/liveness',
    ])
  } finally {
    await cluster.must(['delete', 'mutatingwebhookconfiguration', 'z-late', '--ignore-not-found'])
    late.close()
  }
})

test('workloads are admitted as "selvedge inject" prints them, whatever kind they are', async () => {
  const template = {
    metadata: { labels: { app: 'x' } },
    spec: { containers: [{ name: 'app', image: 'app:1', livenessProbe: { tcpSocket: { port: 80 } } }] },
  }
  const once = { ...template, spec: { ...template.spec, restartPolicy: 'Never' } }
  const selector = { matchLabels: { app: 'x' } }
  const meta = (name: string) => ({ name, namespace: 'shop' })
  const items = [
    { apiVersion: 'apps/v1', kind: 'Deployment', metadata: meta('d'), spec: { selector, template } },
    { apiVersion: 'apps/v1', kind: 'StatefulSet', metadata: meta('s'), spec: { selector, serviceName: 'x', template } },
    { apiVersion: 'apps/v1', kind: 'DaemonSet', metadata: meta('e'), spec: { selector, template } },
    { apiVersion: 'apps/v1', kind: 'ReplicaSet', metadata: meta('r'), spec: { selector, template } },
    { apiVersion: 'batch/v1', kind: 'Job', metadata: meta('j'), spec: { template: once } },
    {
      ...{ apiVersion: 'batch/v1', kind: 'CronJob', metadata: meta('c') },
      spec: { schedule: '* * * * *', jobTemplate: { spec: { template: once } } },
    },
  ]
  const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items })
  const { stdout, stderr } = await runSelvedge(['inject', '-f', '-'], { input: list })
  expect(stderr.match(/^injected /gm)).toHaveLength(6)
  const { ok, out, err } = await cluster.kubectl(['apply', '--dry-run=server', '-f', '-'], stdout)
  expect({ ok, err }).toEqual({ ok: true, err: '' })
  expect(out.match(/created \(server dry run\)/g)).toHaveLength(6)
})

test('a pod without privileges is admitted in a restricted namespace where nothing is redirected', async () => {
  await makeNamespace(cluster, 'strict', {
    'selvedge.dev/inject': 'enabled',
    'pod-security.kubernetes.io/enforce': 'restricted',
  })
  const restricted = {
    securityContext: { runAsNonRoot: true, runAsUser: 1_000, seccompProfile: { type: 'RuntimeDefault' } },
    containers: [
      {
        ...{ name: 'app', image: 'app:1' },
        securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
      },
    ],
  }
  const redirected = await cluster.kubectl(['apply', '-f', '-'], pod('redirected', 'strict', restricted))
  expect(redirected.err).toMatch(/violates PodSecurity.*selvedge-init/s)
  const metadata = { annotations: { 'selvedge.dev/intercept': 'none' } }
  await cluster.must(['apply', '-f', '-'], pod('explicit', 'strict', restricted, metadata))
  const { spec } = await cluster.get<Pod>('pod', 'explicit', '-n', 'strict')
  expect(names(spec.initContainers)).toEqual(['selvedge-sidecar'])
  expect(spec.containers[0]?.env).toContainEqual({ name: 'http_proxy', value: 'http://127.0.0.1:15001' })
})

test('a Service of Kubernetes is taken by the control plane as kubectl prints it, without its version', async () => {
  const spec = { selector: { app: 'reviews' }, ports: [{ name: 'http', port: 80, targetPort: 'http' }] }
  const service = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'reviews', namespace: 'shop' }, spec }
  await cluster.must(['apply', '-f', '-'], JSON.stringify(service))
  const printed = await cluster.must(['get', 'services', '-n', 'shop', '-o', 'yaml'])
  const input = printed.replace(/^ *resourceVersion: .*\n/gm, '')
  for (const word of ['created', 'unchanged']) {
    const applied = await runSelvedge(['apply', '-f', '-'], { input, env: commands })
    expect(applied).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(new RegExp(`Service shop/reviews +${word}`)),
    })
  }
})

test('what the installation prints is admitted whole, and the same when it is applied once more', async () => {
  const { stdout } = await runSelvedge(['install', '--ca-dir', join(cluster.folder, 'ca'), '--crds'])
  const lines = (await cluster.must(['apply', '-f', '-'], stdout)).trim().split('\n')
  expect(lines.filter(line => !/ (unchanged|configured)$/.test(line))).toEqual([])
})

test("the control plane's own pod is admitted in its namespace, which enforces `restricted`", async () => {
  interface Deployment {
    readonly spec: { readonly template: { readonly metadata: object; readonly spec: object } }
  }
  const { spec } = await cluster.get<Deployment>('deployment', 'selvedge-control-plane', '-n', 'selvedge-system')
  const { metadata, spec: template } = spec.template
  const own = { name: 'own', namespace: 'selvedge-system', ...metadata }
  const manifest = JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: own, spec: template })
  const { ok, err } = await cluster.kubectl(['apply', '--dry-run=server', '-f', '-'], manifest)
  expect({ ok, err }).toEqual({ ok: true, err: '' })
})

describe('the certificate and the end', () => {
  test('the certificate is renewed without a restart, and the API server goes on', async () => {
    const before = await serialAt(webhookPort)
    // Its life is 20 s, and it is renewed at half of that.
    await expect.poll(() => serialAt(webhookPort), SOON).not.toBe(before)
    await cluster.must(['apply', '--dry-run=server', '-f', '-'], pod('renewed', 'shop'))
  })

  test('while the webhook is away, no pod is made in a namespace that opted in, and others are; then all is well again', async () => {
    const port = webhookPort
    await plane?.end()
    const { ok, err } = await cluster.kubectl(['apply', '-f', '-'], pod('meanwhile', 'shop'))
    expect(ok).toBe(false)
    expect(err).toContain('failed calling webhook "inject.selvedge.dev"')
    await cluster.must(['apply', '--dry-run=server', '-f', '-'], pod('meanwhile', 'plain'))
    await cluster.must(
      ['apply', '--dry-run=server', '-f', '-'],
      pod('out', 'shop', {}, { labels: { 'selvedge.dev/inject': 'false' } }),
    )
    const policy = (value: string) =>
      cluster.must([
        'patch',
        CONFIGURATION,
        '--type=json',
        '-p',
        JSON.stringify([{ op: 'replace', path: '/webhooks/0/failurePolicy', value }]),
      ])
    await policy('Ignore')
    await expect
      .poll(
        () => cluster.kubectl(['apply', '--dry-run=server', '-f', '-'], pod('open', 'shop')).then(answer => answer.ok),
        SOON,
      )
      .toBe(true)
    await policy('Fail')
    await startPlane(port)
    await expect
      .poll(() => cluster.kubectl(['apply', '-f', '-'], pod('meanwhile', 'shop')).then(answer => answer.ok), {
        timeout: 20_000,
      })
      .toBe(true)
    const { spec } = await cluster.get<Pod>('pod', 'meanwhile', '-n', 'shop')
    expect(names(spec.initContainers)).toContain('selvedge-sidecar')
  })
})
