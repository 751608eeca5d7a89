import { createHash, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { programPath } from './kit/caller.ts'
import { type Capture, capture } from './kit/capture.ts'
import { eventually, yes } from './kit/eventually.ts'
import { type Flow, notTlsRecords } from './kit/flows.ts'
import { asApplication, makeCa, startApplication, startIntercepting, sumOf } from './kit/intercepted.ts'
import { APPLICATION_ID, type TwoHosts, twoHosts } from './kit/namespaces.ts'
import { type Program, projectRoot, run } from './kit/program.ts'
import { needServers, startMariadb, startPostgres, startRedis, startSmtp, startTls } from './kit/real-servers.ts'

/** In all that the programs say to each other. */
const SECRET = 'nobody-else-may-read-this'
/** What no wire may show: of each protocol that is spoken here, words of at least eight bytes, which chance does not put into what is encrypted. */
const WORDS = [SECRET, 'HTTP/1.1 ', 'PRI * HTTP', 'application/grpc', 'interop.Test', 'websocket', 'x-selvedge'].concat(
  ['mysql_native_password', 'server_version', 'SELECT ', 'MAIL FROM:<', 'subscribe', '.example', 'selvedge.shop'],
)
const CALLER = 'spiffe://cluster.local/ns/shop/sa/client'
const MEGABYTES = 4
/** How many connections of a server that speaks first are measured. */
const MEASURED = 8

/** Of each: the port that says what is spoken there, the port that says nothing, and where the program listens for either. */
const SERVICES = {
  redis: { says: 'redis', declared: 6379, detected: 6380, listens: [6379, 6380] },
  postgres: { says: 'postgresql', declared: 5432, detected: 5433, listens: [5432, 5432] },
  mariadb: { says: 'mysql', declared: 3306, detected: 3307, listens: [3306, 3306] },
  smtp: { says: 'smtp', declared: 25, detected: 2525, listens: [2525, 2525] },
  web: { says: 'http', declared: 80, detected: 8080, listens: [9080, 9081] },
  socket: { says: 'kubernetes.io/ws', declared: 80, detected: 8080, listens: [9090, 9091] },
  tls: { says: 'https', declared: 443, detected: 8443, listens: [9443, 9443] },
  grpc: { says: 'grpc', declared: 50_051, detected: 50_052, listens: [0, 0] },
} satisfies Record<string, { says: string; declared: number; detected: number; listens: [number, number] }>
type Service = keyof typeof SERVICES
type Way = 'declared' | 'detected'
const WAYS = ['declared', 'detected'] as const
type Found = 'http1' | 'http2' | 'tls' | 'opaque' | 'server-first'

let hosts: TwoHosts
let wire: Capture
let redis: Program
let smtp: Program
let grpcPython: string
/** What the sidecars must have counted in the end. */
const connections: Partial<Record<Service, number>> = {}
const requests: Partial<Record<Service, number>> = {}
const detections: Partial<Record<Found, number>> = {}
/** Connections that were made ahead of a silent caller's first word, which was HTTP's: only the far end has seen them. */
let trials = 0

function addressesOf(service: Service): readonly [string, string] {
  const last = Object.keys(SERVICES).indexOf(service) + 1
  return [`10.96.1.${last}`, `fd96:1::${last}`]
}

function resources(): string {
  const services = (Object.keys(SERVICES) as Service[]).map(name => {
    const { says, declared, detected, listens } = SERVICES[name]
    return `
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: shop }
spec:
  selector: { app: all }
  clusterIP: ${addressesOf(name)[0]}
  clusterIPs: [${addressesOf(name)[0]}, "${addressesOf(name)[1]}"]
  ports:
    - { name: declared, port: ${declared}, targetPort: ${listens[0]}, appProtocol: ${says} }
    - { name: detected, port: ${detected}, targetPort: ${listens[1]} }
---`
  })
  const listening = [...new Set(Object.values(SERVICES).flatMap(({ listens }) => listens))]
  const workload = (name: string, address: string, ports: readonly number[]) => `
apiVersion: selvedge.dev/v1
kind: Workload
metadata: { name: ${name}-1, namespace: shop, labels: { app: ${name} } }
spec:
  address: ${address}
  serviceAccount: ${name}
  inboundPort: 15006
  ports: [${ports.map(port => `{ port: ${port} }`).join(', ')}]
---`
  return [
    ...services,
    workload('all', hosts.b.address, listening),
    workload('client', hosts.a.address, []),
    '\napiVersion: selvedge.dev/v1\nkind: MeshPolicy',
    'metadata: { name: default, namespace: selvedge-system }\nspec: { mtls: strict }\n',
  ].join('\n')
}

async function startServers(): Promise<void> {
  const { b } = hosts
  const node = (program: string, port: number) =>
    startApplication(b, [process.execPath, programPath(program)], /listens/, { NAME: 'web', PORT: String(port) })
  const grpc = async () => {
    const program = b.start([process.execPath, programPath('grpc-server.ts')])
    return Number((await program.line(/listens at ([0-9]+)/, 15_000))[1])
  }
  const [ports, first, mail] = await Promise.all([
    Promise.all([grpc(), grpc()]),
    startRedis(b, 6379),
    startSmtp(b, 2525),
    startRedis(b, 6380),
    startPostgres(b, 5432),
    startMariadb(b, 3306),
    startTls(b, 9443),
    ...[9080, 9081].map(port => node('echo.ts', port)),
    ...[9090, 9091].map(port => node('web-socket-server.ts', port)),
  ])
  SERVICES.grpc.listens = ports
  redis = first
  smtp = mail
}

beforeAll(async () => {
  await needServers()
  hosts = await twoHosts()
  const { a, b } = hosts
  const prepared = await run(['sh', `${projectRoot}e2e/grpc/prepare.sh`], { timeoutMs: 90_000 })
  if (prepared.code !== 0)
    throw new Error(`Cannot make Python's grpcio: ${prepared.stderr}. Run: apt-get install python3-venv`)
  grpcPython = prepared.stdout.trim()
  const [ca] = await Promise.all([makeCa(hosts), startServers()])
  // From the first packet between the hosts to the last.
  wire = await b.capture('wire.pcap')
  await Promise.all([
    startIntercepting(a, ca, { workload: 'shop/client-1', resources: resources() }),
    startIntercepting(b, ca, { workload: 'shop/all-1', resources: resources() }),
  ])
  const names = Object.keys(SERVICES) as Service[]
  await a.names(names.flatMap(name => [`${addressesOf(name)[0]} ${name}`, `${addressesOf(name)[1]} ${name}6`]))
})
afterAll(async () => {
  await hosts?.end()
})

/** Notes what the next connections are to be counted as. */
function expecting(service: Service, way: Way, found: Found, count = 1, ofRequests = count): void {
  const isHttp = found === 'http1' || found === 'http2'
  const tally = isHttp ? requests : connections
  tally[service] = (tally[service] ?? 0) + (isHttp ? ofRequests : count)
  // Bytes that are declared are not looked at; of HTTP the version is found out, however it is known.
  if (way === 'detected' || isHttp) detections[found] = (detections[found] ?? 0) + count
}

function application(...words: string[]): Promise<string> {
  return asApplication(hosts.a, words)
}

function sha(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

/** Some MB of lines in which the secret stands. */
function manyLines(): string {
  const noise = randomBytes(32).toString('hex')
  return Array.from({ length: MEGABYTES * 10_000 }, (_, i) => `${i}\t${SECRET} ${noise}${i}\n`).join('')
}

describe.each(WAYS)('Redis, %s', way => {
  const at = (host = 'redis') => ['redis-cli', '-h', host, '-p', String(SERVICES.redis[way])]
  const cli = (...words: string[]) => {
    expecting('redis', way, 'opaque')
    return application(...at(), ...words)
  }

  test('answers, by either family', async () => {
    expect(await cli('SET', 'key', SECRET)).toBe('OK\n')
    expecting('redis', way, 'opaque')
    expect(await application(...at('redis6'), 'GET', 'key')).toBe(`${SECRET}\n`)
  })

  test('takes 20,000 commands in one go', async () => {
    const commands = Array.from({ length: 20_000 }, (_, i) => `SET ${SECRET}-${i} ${i}\r\n`).join('')
    expecting('redis', way, 'opaque')
    expect(await asApplication(hosts.a, [...at(), '--pipe'], commands)).toContain('errors: 0, replies: 20000')
    expect(await cli('DBSIZE')).toBe('20001\n')
  })

  test(`carries a value of ${MEGABYTES} MB both ways`, async () => {
    const value = manyLines().replaceAll('\n', ' ')
    expecting('redis', way, 'opaque')
    expect(await asApplication(hosts.a, [...at(), '-x', 'SET', 'large'], value)).toBe('OK\n')
    expect(sha((await cli('GET', 'large')).trimEnd())).toBe(sha(value.trimEnd()))
  })

  test('tells its subscribers, who have been silent for a while', async () => {
    expecting('redis', way, 'opaque')
    const subscriber = hosts.a.start([...at(), 'SUBSCRIBE', 'news'], { id: APPLICATION_ID })
    await subscriber.line(/^1$/, 10_000)
    expect(await cli('PUBLISH', 'news', SECRET)).toBe('1\n')
    await subscriber.line(new RegExp(`^${SECRET}$`), 5_000)
    await subscriber.end()
    // Who has gone has gone at the far end, too.
    await eventually('no subscriber', 5_000, async () => yes((await cli('PUBSUB', 'NUMSUB', 'news')) === 'news\n0\n'))
  })

  test('hangs up, and its client hears of it', async () => {
    expecting('redis', way, 'opaque')
    const blocked = hosts.a.start([...at(), 'BLPOP', 'nothing', '0'], { id: APPLICATION_ID })
    await eventually('a client that is blocked', 5_000, async () =>
      yes((await cli('CLIENT', 'LIST')).includes('blpop')),
    )
    await cli('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
    await blocked.line(/closed the connection/, 5_000)
    await blocked.end()
  })
})

describe.each(WAYS)('PostgreSQL, %s', way => {
  const at = (ssl = 'disable', host = 'postgres') =>
    `host=${host} port=${SERVICES.postgres[way]} user=shop dbname=postgres sslmode=${ssl} connect_timeout=10`
  const words = (sql: string, ssl?: string, host?: string) => ['psql', '-XAt', at(ssl, host), '-c', sql]
  const psql = (sql: string, ssl?: string, host?: string) => {
    expecting('postgres', way, 'opaque')
    return application(...words(sql, ssl, host))
  }

  test('answers, by either family', async () => {
    expect(await psql(`SELECT upper('${SECRET}')`)).toBe(`${SECRET.toUpperCase()}\n`)
    expect(await psql(`SELECT upper('${SECRET}')`, 'disable', 'postgres6')).toBe(`${SECRET.toUpperCase()}\n`)
  })

  test('begins TLS of its own when psql asks for it', async () => {
    const sql = 'SELECT ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()'
    expect(await psql(sql, 'require')).toBe('t|TLSv1.3\n')
    expect(await psql(sql)).toBe('f|\n')
  })

  test(`copies ${MEGABYTES} MB in, and out again`, async () => {
    const lines = manyLines()
    const table = `lines_${way}`
    const file = hosts.a.write(`${table}.txt`, lines)
    await psql(`CREATE TABLE ${table} (number int, line text)`)
    expect(await psql(`\\copy ${table} FROM '${file}'`)).toBe(`COPY ${MEGABYTES * 10_000}\n`)
    expect(await psql(`\\copy ${table} TO '${file}.copy'`)).toBe(`COPY ${MEGABYTES * 10_000}\n`)
    expect(sha(readFileSync(`${file}.copy`, 'latin1'))).toBe(sha(lines))
  })

  test('is told of a Ctrl-C, on a connection of its own', async () => {
    expecting('postgres', way, 'opaque', 2)
    const sleeping = hosts.a.start(words('SELECT pg_sleep(60)'), { id: APPLICATION_ID })
    const running = "SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(60)'"
    await eventually('a query that runs', 10_000, async () => yes((await psql(running)) === '1\n'))
    sleeping.signalGroup('SIGINT')
    await sleeping.line(/canceling statement due to user request/, 5_000)
    await sleeping.exited
  })
})

describe('servers that speak first', () => {
  /** Microseconds from a caller's connecting to its server's first byte, connection by connection. */
  const firstBytes = async (service: Service, way: Way): Promise<number[]> => {
    const client = `
import socket, time
for _ in range(${MEASURED}):
    began = time.monotonic()
    connection = socket.create_connection(('${service}', ${SERVICES[service][way]}), 10)
    assert connection.recv(1)
    print(int((time.monotonic() - began) * 1e6))
    connection.close()`
    expecting(service, way, 'server-first', MEASURED)
    return (await application('python3', '-c', client)).trim().split('\n').map(Number)
  }

  test.each(['mariadb', 'smtp'] as const)(
    '%s costs 50 ms on the first connection, and nothing on the next',
    async of => {
      const declared = await firstBytes(of, 'declared')
      const [first = 0, ...next] = await firstBytes(of, 'detected')
      const [withoutUs, withUs] = [Math.min(...declared), Math.min(...next)]
      const ms = (us: number) => (us / 1_000).toFixed(1)
      console.log(
        `${of}: the first byte after ${ms(first)} ms, then ${ms(withUs)} ms at best; declared ${ms(declared[0] ?? 0)} ms, then ${ms(withoutUs)} ms`,
      )
      // As long as the sidecar waits for the caller; what more there is, is the machine's, which may be busy.
      expect(first).toBeGreaterThan(49_000)
      expect(first - withUs).toBeLessThan(250_000)
      expect(withUs).toBeLessThan(45_000)
      expect(withoutUs).toBeLessThan(45_000)
    },
  )

  describe.each(WAYS)('MariaDB, %s', way => {
    const client = ['mariadb', '--no-defaults', '--protocol=tcp', '-ushop', '-pshop', '-N', '--max-allowed-packet=64M']
    const sql = (text: string, host = 'mariadb') => {
      expecting('mariadb', way, 'server-first')
      const words = [...client, '-h', host, '-P', String(SERVICES.mariadb[way]), 'shop']
      return asApplication(hosts.a, words, `${text};\n`)
    }

    test('answers, by either family', async () => {
      expect(await sql(`SELECT UPPER('${SECRET}')`)).toBe(`${SECRET.toUpperCase()}\n`)
      expect(await sql(`SELECT UPPER('${SECRET}')`, 'mariadb6')).toBe(`${SECRET.toUpperCase()}\n`)
    })

    test(`takes and gives ${MEGABYTES} MB`, async () => {
      const value = manyLines().replaceAll(/[\t\n]/g, ' ')
      await sql(`CREATE TABLE ${way} (line LONGTEXT); INSERT INTO ${way} VALUES ('${value}')`)
      expect(sha((await sql(`SELECT line FROM ${way}`)).replace(/\n$/, ''))).toBe(sha(value))
    })
  })

  test.each(WAYS)('SMTP, %s: a mail is delivered', async way => {
    const subject = `Subject: ${SECRET} ${way}`
    const url = `smtp://smtp:${SERVICES.smtp[way]}`
    const words = ['curl', '-sS', '--max-time', '10', url, '--mail-from', 'a@shop.test', '--mail-rcpt', 'b@shop.test']
    expecting('smtp', way, 'server-first')
    await asApplication(hosts.a, [...words, '--upload-file', '-'], `${subject}\r\n\r\nGood morning.\r\n`)
    await smtp.line(new RegExp(`^${subject}$`), 5_000)
  })
})

async function curl(way: Way, ...flags: string[]): Promise<void> {
  const url = `http://web:${SERVICES.web[way]}/${SECRET}`
  const answer = JSON.parse(await application('curl', '-sS', '--max-time', '5', ...flags, url)) as {
    headers: Record<string, string>
  }
  expect(answer).toMatchObject({ name: 'web', url: `/${SECRET}` })
  expect(answer.headers['x-selvedge-caller']).toBe(CALLER)
}

// Of a port that says nothing, a caller's HTTP/2 is taken to be the application's as well, and this one has none.
test('HTTP/2, declared: curl is answered by an application that speaks HTTP/1.1', async () => {
  expecting('web', 'declared', 'http2')
  await curl('declared', '--http2-prior-knowledge')
})

describe.each(WAYS)('HTTP, %s', way => {
  test('curl is answered, and known by name', async () => {
    expecting('web', way, 'http1')
    await curl(way)
  })

  test('a pool that connects ahead of time, and says nothing for a while, stays HTTP', async () => {
    const client = `
import http.client, json, time
pool = [http.client.HTTPConnection('web', ${SERVICES.web[way]}, timeout=10) for _ in range(4)]
for each in pool:
    each.connect()
time.sleep(0.5)
for _ in range(2):
    for each in pool:
        each.request('GET', '/${SECRET}')
        print(json.loads(each.getresponse().read())['headers']['x-selvedge-caller'])`
    for (let round = 0; round < 2; round++) {
      expecting('web', way, 'http1', 4, 8)
      if (way === 'detected') trials += 4
      expect((await application('python3', '-c', client)).trim().split('\n')).toEqual(Array(8).fill(CALLER))
    }
  })
})

test.each(WAYS)("TLS of an application's own, %s, passes through as it is", async way => {
  expecting('tls', way, 'tls')
  const url = `https://tls:${SERVICES.tls[way]}/`
  const shown = await application('curl', '-ksS', '-o', '/dev/null', '-w', '%{http_code} %{certs}', url)
  expect(shown).toMatch(/^200 [\s\S]*CN ?= ?application\.example/)
})

test.each(WAYS)("WebSocket, %s: Node's own client hears its echo", async way => {
  const client = `
const socket = new WebSocket('ws://socket:${SERVICES.socket[way]}/${SECRET}')
socket.binaryType = 'arraybuffer'
const heard = []
socket.onopen = () => { socket.send('${SECRET}'); socket.send(new Uint8Array(1_000_000).fill(7)) }
socket.onerror = ({ message }) => { console.log(message); process.exit(1) }
socket.onmessage = ({ data }) => {
  heard.push(typeof data === 'string' ? data : data.byteLength + ' bytes')
  if (heard.length === 2) socket.close(1000)
}
socket.onclose = ({ code, wasClean }) => console.log(JSON.stringify([...heard, code, wasClean]))`
  expecting('socket', way, 'http1')
  const heard = JSON.parse(await application(process.execPath, '-e', client)) as unknown
  expect(heard).toEqual([SECRET, '1000000 bytes', 1000, true])
})

describe("gRPC, by Python's grpcio", () => {
  /** Root's: it lies in a cache where nobody else may look. */
  const calls = async (host: 'a' | 'b', port: number, name: string): Promise<unknown> => {
    const words = [grpcPython, `${projectRoot}e2e/grpc/client.py`, String(port), `${name}:${port}`, name]
    return JSON.parse(await hosts[host].must(words, { timeoutMs: 60_000 })) as unknown
  }

  test('hears of both ports exactly what it hears without a mesh', async () => {
    const straight = await calls('b', SERVICES.grpc.listens[0], '127.0.0.1')
    expect(straight).toMatchObject({ echo: ['hello', 'a, b', [0, 255, 13, 10], [0, 255, 13, 10]], large: 4_000_000 })
    const count = Object.keys(straight as object).length
    for (const way of WAYS) {
      expecting('grpc', way, 'http2', 1, count)
      expect(await calls('a', SERVICES.grpc[way], 'grpc')).toEqual(straight)
    }
  })
})

describe('of all that has been said', () => {
  const counted = (host: 'a' | 'b', service: Service, protocol: 'http' | 'tcp') => {
    const direction = host === 'a' ? 'outbound' : 'inbound'
    const labels = { direction, destination: `shop/${service}`, protocol, tls: 'mtls' }
    return sumOf(hosts[host], 'selvedge_requests_total', labels)
  }

  test('the first sidecar has counted every connection as what it was', async () => {
    await eventually('the last connection to be counted', 5_000, async () =>
      yes((await counted('a', 'grpc', 'http')) === requests.grpc),
    )
    const found: Partial<Record<string, number>> = {}
    for (const result of ['http1', 'http2', 'tls', 'opaque', 'server-first', 'undecided']) {
      const count = await sumOf(hosts.a, 'selvedge_detection_total', { result })
      if (count > 0) found[result] = count
    }
    expect(found).toEqual(detections)
    for (const service of Object.keys(SERVICES) as Service[]) {
      const both = [await counted('a', service, 'tcp'), await counted('a', service, 'http')]
      expect([service, ...both]).toEqual([service, connections[service] ?? 0, requests[service] ?? 0])
    }
  })

  test('the second has taken as many from the first, with mTLS', async () => {
    const labels = { direction: 'inbound', tls: 'mtls' }
    const sum = (tally: Partial<Record<Service, number>>) => Object.values(tally).reduce((all, each) => all + each, 0)
    const countedAs = (protocol: string) => sumOf(hosts.b, 'selvedge_requests_total', { ...labels, protocol })
    expect(await countedAs('http')).toBe(sum(requests))
    const bytes = await countedAs('tcp')
    expect(bytes).toBeGreaterThanOrEqual(sum(connections))
    expect(bytes).toBeLessThanOrEqual(sum(connections) + trials)
    expect(await sumOf(hosts.b, 'selvedge_detection_total', {})).toBe(0)
  })

  test('the same capture, of what the second sidecar says to its application, shows the words', async () => {
    const inside = await capture(`${hosts.b.dir}/inside.pcap`, 'tcp port 6380', {
      entering: ['nsenter', '-t', String(hosts.b.pid), '-n'],
    })
    await application('redis-cli', '-h', 'redis', '-p', '6380', 'GET', 'key')
    const flows = await inside.flows()
    expect(wordsIn(flows)).toContain(SECRET)
    expect(flows.map(notTlsRecords)).toContainEqual(expect.stringMatching(/begins no TLS record.*GET/s))
  })

  test('the wire has carried TLS records between sidecars, and nothing else', async () => {
    const flows = await wire.flows()
    expect(flows.map(notTlsRecords).filter(wrong => wrong !== undefined)).toEqual([])
    expect(flows.filter(({ from, to }) => !from.endsWith(':15006') && !to.endsWith(':15006'))).toEqual([])
    expect(wordsIn(flows)).toEqual([])
    // All of it was seen: five times some MB, in either way of saying what they are.
    const bytes = flows.reduce((sum, flow) => sum + flow.bytes.length, 0)
    expect(bytes).toBeGreaterThan(10 * MEGABYTES * 1_000_000)
    console.log(`${flows.length / 2} connections between the sidecars, ${(bytes / 1e6).toFixed(1)} MB`)
    expect(redis.over).toBe(false)
  })
})

function wordsIn(flows: readonly Flow[]): string[] {
  const texts = flows.map(({ bytes }) => bytes.toString('latin1'))
  return WORDS.filter(word => texts.some(text => text.includes(word)))
}
