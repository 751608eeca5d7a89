import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { vi } from 'vitest'

/** A Kubernetes API server with its etcd, and no kubelet: objects are kept and admitted, and nothing runs. */
export interface Cluster {
  /** An own folder, gone at the end. */
  readonly folder: string
  /** Runs kubectl as an administrator, with `input` at its stdin. Never throws. */
  kubectl(args: readonly string[], input?: string): Promise<KubectlAnswer>
  /** The same, which must end well; its stdout. */
  must(args: readonly string[], input?: string): Promise<string>
  /** The object as it is kept. */
  get<T>(...args: readonly string[]): Promise<T>
  /** Has connections to a Service of `selvedge-system` end at a port of this machine. */
  lead(service: string, port: number, portName: string): Promise<void>
  close(): void
}

export interface KubectlAnswer {
  readonly ok: boolean
  readonly out: string
  readonly err: string
}

const TOKEN = 'for-these-tests-alone'
const READY_MS = 60_000
const POLL_MS = 200

export async function startCluster(): Promise<Cluster> {
  // Built before, by `npm run kubernetes`: here it only says where.
  const script = fileURLToPath(new URL('../../tools/kube-apiserver/build.sh', import.meta.url))
  const bin = execFileSync(script, { encoding: 'utf8' }).trim()
  const folder = mkdtempSync(join(tmpdir(), 'selvedge-kubernetes-'))
  const [etcdPort, peerPort, apiPort] = await freePorts(3)
  const children: ChildProcess[] = []
  const start = (name: string, command: string, args: readonly string[]): void => {
    const log = openSync(join(folder, `${name}.log`), 'w')
    children.push(spawn(command, args, { stdio: ['ignore', log, log], cwd: folder }))
  }
  start('etcd', 'etcd', [
    ...['--data-dir', join(folder, 'etcd'), '--unsafe-no-fsync'],
    ...[
      '--listen-client-urls',
      `http://127.0.0.1:${etcdPort}`,
      '--advertise-client-urls',
      `http://127.0.0.1:${etcdPort}`,
    ],
    ...['--listen-peer-urls', `http://127.0.0.1:${peerPort}`],
  ])
  writeKeys(folder)
  start('kube-apiserver', join(bin, 'kube-apiserver'), [
    `--etcd-servers=http://127.0.0.1:${etcdPort}`,
    ...['--bind-address=127.0.0.1', `--secure-port=${apiPort}`, `--cert-dir=${join(folder, 'certs')}`],
    ...['--service-account-issuer=https://kubernetes.default.svc', '--service-account-key-file=sa.pub'],
    ...['--service-account-signing-key-file=sa.key', '--token-auth-file=tokens.csv', '--authorization-mode=RBAC'],
    // There is no kube-proxy: Services lead where their EndpointSlices say.
    ...['--service-cluster-ip-range=10.96.0.0/24', '--enable-aggregator-routing=true'],
  ])
  const flags = ['--server', `https://127.0.0.1:${apiPort}`, '--token', TOKEN, '--insecure-skip-tls-verify']
  const kubectl = (args: readonly string[], input = ''): Promise<KubectlAnswer> =>
    new Promise(resolve => {
      const env = { PATH: '/usr/bin:/bin', HOME: folder }
      const child = execFile(
        join(bin, 'kubectl'),
        [...flags, ...args],
        { env, maxBuffer: 2 ** 26 },
        (error, out, err) => resolve({ ok: error === null, out, err }),
      )
      child.stdin?.end(input)
    })
  const must = async (args: readonly string[], input?: string): Promise<string> => {
    const { ok, out, err } = await kubectl(args, input)
    if (!ok) throw new Error(`kubectl ${args.join(' ')}: ${err}`)
    return out
  }
  const close = (): void => {
    for (const child of children.toReversed()) child.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true, maxRetries: 10 })
  }
  try {
    await vi.waitFor(() => must(['get', '--raw', '/readyz']), { timeout: READY_MS, interval: POLL_MS })
  } catch (thrown) {
    const log = readFileSync(join(folder, 'kube-apiserver.log'), 'utf8').slice(-2_000)
    close()
    throw new Error(`the API server does not come up: ${log}`, { cause: thrown })
  }
  return {
    folder,
    kubectl,
    must,
    get: async (...args) => JSON.parse(await must(['get', ...args, '-o', 'json'])),
    lead: async (service, port, portName) => {
      await must(['apply', '-f', '-'], endpointSlice(service, port, portName))
    },
    close,
  }
}

/** A namespace with the service account that a controller would make in it. */
export async function makeNamespace(
  cluster: Cluster,
  name: string,
  labels: Readonly<Record<string, string>>,
): Promise<void> {
  await cluster.must(
    ['apply', '-f', '-'],
    JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } }),
  )
  await cluster.must(['create', 'serviceaccount', 'default', '-n', name])
}

function writeKeys(folder: string): void {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2_048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })
  mkdirSync(join(folder, 'certs'))
  writeFileSync(join(folder, 'sa.key'), privateKey)
  writeFileSync(join(folder, 'sa.pub'), publicKey)
  writeFileSync(join(folder, 'tokens.csv'), `${TOKEN},admin,admin,system:masters\n`)
}

function endpointSlice(service: string, port: number, portName: string): string {
  // An endpoint may not be on the loopback.
  const address = Object.values(networkInterfaces())
    .flat()
    .find(found => found?.family === 'IPv4' && !found.internal)?.address
  if (address === undefined) throw new Error('this machine has no address but the loopback; the API server needs one')
  return JSON.stringify({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: `${service}-here`,
      namespace: 'selvedge-system',
      labels: { 'kubernetes.io/service-name': service },
    },
    addressType: 'IPv4',
    ports: [{ name: portName, port, protocol: 'TCP' }],
    endpoints: [{ addresses: [address], conditions: { ready: true } }],
  })
}

async function freePorts(count: number): Promise<readonly number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, () => {
      const server = createServer()
      return new Promise<typeof server>(resolve => server.listen(0, '127.0.0.1', () => resolve(server)))
    }),
  )
  const ports = servers.map(server => (server.address() as { readonly port: number }).port)
  await Promise.all(servers.map(server => new Promise(closed => server.close(closed))))
  return ports
}
