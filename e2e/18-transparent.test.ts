import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { programPath } from './kit/caller.ts'
import { eventually, yes } from './kit/eventually.ts'
import { asApplication, makeCa, notTls, startApplication, startIntercepting } from './kit/intercepted.ts'
import { type Host, SIDECAR_ID, type TwoHosts, twoHosts } from './kit/namespaces.ts'
import type { Program } from './kit/program.ts'

/** Reviews' own addresses, which no machine has. */
const REVIEWS = { address: '10.96.0.9', address6: 'fd96::9', port: 9080 }
/** Nobody's, as the mesh sees it: a program on the second host that has no part in it. */
const FOREIGN_PORT = 8081
const CALLER = 'spiffe://cluster.local/ns/shop/sa/client'
/** The longest that a name may be is 253 bytes (RFC 1035, 2.3.4). */
const TOO_LONG = `${Array.from({ length: 5 }, () => 'a'.repeat(60)).join('.')}.example`

let hosts: TwoHosts
let sidecar: Program

function resources(unknownDestinations: 'allow' | 'refuse' = 'allow', mtls = 'strict'): string {
  const { a, b } = hosts
  return `
apiVersion: v1
kind: Service
metadata: { name: reviews, namespace: shop }
spec:
  selector: { app: reviews }
  clusterIP: ${REVIEWS.address}
  clusterIPs: [${REVIEWS.address}, "${REVIEWS.address6}"]
  ports: [{ name: http, port: ${REVIEWS.port}, appProtocol: http }]
---
apiVersion: v1
kind: Service
metadata: { name: client, namespace: shop }
spec: { selector: { app: client }, clusterIP: 10.96.0.8, ports: [{ name: http, port: 9090, appProtocol: http }] }
---
apiVersion: selvedge.dev/v1
kind: Workload
metadata: { name: reviews-1, namespace: shop, labels: { app: reviews } }
spec:
  address: ${b.address}
  serviceAccount: reviews
  inboundPort: 15006
  ports: [{ name: http, port: ${REVIEWS.port}, protocol: http }, { name: other, port: 9081, protocol: http }]
---
apiVersion: selvedge.dev/v1
kind: Workload
metadata: { name: client-1, namespace: shop, labels: { app: client } }
spec:
  address: ${a.address}
  serviceAccount: client
  inboundPort: 15006
  ports: [{ name: http, port: 9090, protocol: http }]
---
apiVersion: selvedge.dev/v1
kind: MeshPolicy
metadata: { name: default, namespace: selvedge-system }
spec: { unknownDestinations: ${unknownDestinations}, mtls: ${mtls} }
`
}

beforeAll(async () => {
  hosts = await twoHosts()
  const { a, b } = hosts
  const ca = await makeCa(hosts)
  sidecar = await startIntercepting(a, ca, {
    workload: 'shop/client-1',
    resources: resources(),
    flags: ['--workers', '2', '--application-host', a.address],
  })
  const rules = ['--exclude-inbound-ports', `22,${FOREIGN_PORT}`]
  await startIntercepting(b, ca, { workload: 'shop/reviews-1', resources: resources(), rules })
  await a.names([`${REVIEWS.address} reviews`, `${REVIEWS.address6} reviews6`])
  const echo = (host: Host, name: string, port: number, listensAt = '127.0.0.1') => {
    const env = { NAME: name, PORT: String(port), HOST: listensAt }
    return startApplication(host, [process.execPath, programPath('echo.ts')], /listens/, env)
  }
  await echo(b, 'reviews-1', REVIEWS.port)
  await echo(b, 'other-1', 9081)
  // Of the two ways to listen for one's own: on the machine's address, and on the loopback.
  await echo(a, 'client-1', 9090, a.address)
  await echo(a, 'client-1', 9092)
  for (const host of [a, b]) {
    const python = ['python3', '-u', '-m', 'http.server', String(FOREIGN_PORT), '--bind', '::', '--directory', host.dir]
    await startApplication(host, python, /Serving HTTP/)
  }
})
afterAll(async () => {
  await hosts?.end()
})

interface Echoed {
  readonly name: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
}

/** An unchanged curl, as the application's user. */
async function curl(host: Host, ...args: string[]): Promise<string> {
  return asApplication(host, ['curl', '-sS', '--max-time', '5', ...args])
}

async function echoed(host: Host, ...args: string[]): Promise<Echoed> {
  return JSON.parse(await curl(host, ...args)) as Echoed
}

/** Status and cause of an answer. */
async function refusal(...args: string[]): Promise<string> {
  return curl(hosts.a, '-o', '/dev/null', '-w', '%{http_code} %header{x-selvedge-cause}', ...args)
}

describe('an unchanged curl to a service', () => {
  const words = ['HTTP/1', 'GET ', 'secret', 'nobody-else-may-read', 'reviews-1', 'x-selvedge']

  test.each([
    ['by name', `http://reviews:${REVIEWS.port}/a-secret-path`],
    ['by name, over IPv6', `http://reviews6:${REVIEWS.port}/a-secret-path`],
    ["by the service's address", `http://${REVIEWS.address}:${REVIEWS.port}/a-secret-path`],
    ["by the service's IPv6 address", `http://[${REVIEWS.address6}]:${REVIEWS.port}/a-secret-path`],
    ['by the address of its instance', `http://10.77.0.2:${REVIEWS.port}/a-secret-path`],
  ])('%s crosses two sidecars, and the wire carries nothing but TLS', async (how, url) => {
    const capturing = await hosts.b.capture('wire.pcap')
    const answer = await echoed(hosts.a, '-H', 'x-also-secret: nobody-else-may-read', url)
    const packets = await capturing.stop()
    expect(answer).toMatchObject({ name: 'reviews-1', url: '/a-secret-path' })
    expect(answer.headers).toMatchObject({ host: new URL(url).host, 'x-selvedge-caller': CALLER })
    // Connections between sidecars are kept: only the first makes a handshake.
    const wrong = notTls(packets, words).filter(each => how === 'by name' || each.startsWith('"'))
    expect(wrong).toEqual([])
    expect(Buffer.concat(packets).length).toBeGreaterThan(100)
  })

  test('at a port that it does not have is refused, and the ports are named', async () => {
    expect(await refusal('http://reviews:9999/')).toContain('unknown-destination')
    expect(await curl(hosts.a, 'http://reviews:9999/')).toContain('shop/reviews has no port 9999; it has 9080')
  })
})

test('a client that speaks HTTP/2 at once does so to the end', async () => {
  const answer = await curl(
    hosts.a,
    '--http2-prior-knowledge',
    '-w',
    'HTTP/%{http_version}',
    `http://reviews:${REVIEWS.port}/`,
  )
  expect(answer).toContain('"name":"reviews-1"')
  expect(answer).toContain('HTTP/2')
})

describe('an application that calls itself', () => {
  test('through its service comes back through its sidecar, with mTLS', async () => {
    const { name, headers } = await echoed(hosts.a, 'http://10.96.0.8:9090/')
    expect([name, headers['x-selvedge-caller']]).toEqual(['client-1', CALLER])
  })

  test('on the loopback stays there', async () => {
    const { name, headers } = await echoed(hosts.a, 'http://127.0.0.1:9092/')
    expect([name, headers['x-selvedge-caller']]).toEqual(['client-1', undefined])
  })

  test.each(['10.77.0.1', '[fd77::1]'])('by its own address %s stays on the machine', async address => {
    const before = await redirected(hosts.a, 'outbound')
    expect(await curl(hosts.a, '-o', '/dev/null', '-w', '%{http_code}', `http://${address}:${FOREIGN_PORT}/`)).toBe(
      '200\n',
    )
    expect(await redirected(hosts.a, 'outbound')).toBe(before)
  })
})

describe('what has no part in the mesh', () => {
  const foreign = `http://10.77.0.2:${FOREIGN_PORT}/hosts-of-b`

  beforeAll(() => {
    writeFileSync(join(hosts.b.dir, 'hosts-of-b'), 'from outside the mesh\n')
  })

  test.each([foreign, foreign.replace('10.77.0.2', '[fd77::2]')])('is passed through: %s', async url => {
    expect(await curl(hosts.a, url)).toBe('from outside the mesh\n')
  })

  describe.each([
    ['that does not exist', 'no-such-name.example'],
    ['that is a dot', '.'],
    ['with an empty label', 'a..example'],
    ['of hyphens', '---'],
  ])('[FAULT-4] by a name %s, while DNS is broken', (_what, host) => {
    test('is passed to the address that the application had, and no name is looked up', async () => {
      await hosts.a.breakDns()
      const capturing = await hosts.a.capture('dns.pcap', 'udp port 53 or tcp port 53')
      const startedMs = performance.now()
      expect(await curl(hosts.a, '-H', `Host: ${host}`, foreign)).toBe('from outside the mesh\n')
      expect(performance.now() - startedMs).toBeLessThan(3_000)
      expect(await capturing.packets()).toBe(0)
    })

    test('is refused where MeshPolicy refuses what it does not know; the sidecar lives and counts', async () => {
      const before = await answeredWith('unknown-destination')
      await unknownDestinations('refuse')
      onTestFinished(() => unknownDestinations('allow'))
      expect(await refusal('-H', `Host: ${host}`, foreign)).toContain('unknown-destination')
      // The page of metrics is made at most once a second.
      await eventually('a count', 5_000, async () => yes((await answeredWith('unknown-destination')) > before))
    })
  })

  test('[FAULT-4] by a name of 313 characters is refused in words, and nobody is called', async () => {
    const capturing = await hosts.a.capture('long.pcap', 'port 53 or port 8081')
    expect(await curl(hosts.a, '-H', `Host: ${TOO_LONG}`, foreign)).toBe('selvedge: bad-request: a malformed Host\n')
    expect(await capturing.packets()).toBe(0)
  })

  test('is passed through byte for byte where it speaks no HTTP', async () => {
    const server =
      "import socket\ns=socket.create_server(('0.0.0.0',8082))\nprint('listens',flush=True)\nc,_=s.accept()\nc.sendall(c.recv(99)[::-1])\nc.close()"
    const rules = ['--exclude-inbound-ports', `22,${FOREIGN_PORT},8082`]
    expect((await hosts.b.selvedge(['intercept', 'install', ...rules])).code).toBe(0)
    const program = await startApplication(hosts.b, ['python3', '-u', '-c', server], /listens/)
    const client =
      "import socket\ns=socket.create_connection(('10.77.0.2',8082),5)\ns.sendall(b'\\x00\\x01abc\\xff')\nprint(s.recv(99).hex())"
    expect((await asApplication(hosts.a, ['python3', '-c', client])).trim()).toBe('ff6362610100')
    await program.end()
  })

  test('is passed through where it speaks TLS, which nobody on the way can read', async () => {
    const { a, b } = hosts
    const made = `cd ${b.dir} && openssl req -x509 -newkey rsa:2048 -nodes -keyout k.pem -out c.pem -subj /CN=foreign 2>/dev/null`
    await b.must(['sh', '-c', made])
    const rules = ['--exclude-inbound-ports', `22,${FOREIGN_PORT},8443`]
    expect((await b.selvedge(['intercept', 'install', ...rules])).code).toBe(0)
    const program = b.start([
      'openssl',
      's_server',
      '-accept',
      '8443',
      '-key',
      join(b.dir, 'k.pem'),
      '-cert',
      join(b.dir, 'c.pem'),
      '-www',
    ])
    await program.line(/ACCEPT/, 10_000)
    const shown = await curl(a, '-k', '-o', '/dev/null', '-w', '%{http_code} %{certs}', 'https://10.77.0.2:8443/')
    expect(shown).toMatch(/^200 [\s\S]*CN ?= ?foreign/)
    await program.end()
  })

  test('and UDP is left alone, to the port of DNS and to any other', async () => {
    for (const port of [53, 9080]) {
      const server = `import socket\ns=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)\ns.bind(('0.0.0.0',${port}))\nprint('listens',flush=True)\nd,a=s.recvfrom(99)\ns.sendto(b'heard '+d,a)`
      const program = hosts.b.start(['python3', '-u', '-c', server])
      await program.line(/listens/, 5_000)
      const client = `import socket\ns=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)\ns.settimeout(5)\ns.sendto(b'me',('10.77.0.2',${port}))\nprint(s.recvfrom(99)[0].decode())`
      expect((await asApplication(hosts.a, ['python3', '-c', client])).trim()).toBe('heard me')
      await program.end()
    }
  })
})

describe('a caller without a sidecar', () => {
  /** The rules leave the sidecar's user alone: what it calls goes straight to the other host. */
  const straight = (url: string) => hosts.a.run(['curl', '-sS', '--max-time', '5', url], { id: SIDECAR_ID })

  test('is refused where the mesh is strict', async () => {
    const ran = await straight(`http://10.77.0.2:${REVIEWS.port}/`)
    expect(ran.code).not.toBe(0)
    expect(ran.stdout).not.toContain('reviews-1')
  })

  test('reaches, where the mesh is permissive, the port that its connection was going to', async () => {
    writeFileSync(join(hosts.b.dir, 'mesh.yaml'), resources('allow', 'permissive'))
    await eventually('the first port', 10_000, async () =>
      yes((await straight(`http://10.77.0.2:${REVIEWS.port}/`)).stdout.includes('"reviews-1"')),
    )
    expect((await straight('http://10.77.0.2:9081/')).stdout).toContain('"other-1"')
    expect((await straight('http://[fd77::2]:9081/')).stdout).toContain('"other-1"')
    writeFileSync(join(hosts.b.dir, 'mesh.yaml'), resources())
    await eventually('strict again', 10_000, async () => yes((await straight('http://10.77.0.2:9081/')).code !== 0))
  })

  test('the sidecar has lived through all of this', () => {
    expect(sidecar.over).toBe(false)
  })
})

/** How many connections the rules have sent to the sidecar. */
async function redirected(host: Host, direction: 'outbound' | 'inbound'): Promise<number> {
  const shown = await host.selvedge(['intercept', 'show', '-o', 'json'])
  const { installed } = JSON.parse(shown.stdout) as {
    installed: { rules: Record<'outbound' | 'inbound', { redirectedTo?: number; connections: number }[]> }[]
  }
  return installed
    .flatMap(({ rules }) => rules[direction])
    .filter(({ redirectedTo }) => redirectedTo !== undefined)
    .reduce((sum, { connections }) => sum + connections, 0)
}

/** Answers that the first host's sidecar has made itself for a cause. */
async function answeredWith(cause: string): Promise<number> {
  const text = await hosts.a.must(['curl', '-sS', 'http://127.0.0.1:15020/metrics'])
  const lines = text
    .split('\n')
    .filter(line => line.startsWith('selvedge_requests_total{') && line.includes(`cause="${cause}"`))
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0)
}

/** Changes the policy of the first host's sidecar, and waits until it holds. */
async function unknownDestinations(what: 'allow' | 'refuse'): Promise<void> {
  writeFileSync(join(hosts.a.dir, 'mesh.yaml'), resources(what))
  await eventually(`${what} to hold`, 10_000, async () => {
    const refused = (await refusal(`http://10.77.0.2:${FOREIGN_PORT}/`)).includes('unknown-destination')
    return yes(refused === (what === 'refuse'))
  })
}
