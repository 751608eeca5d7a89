import { createHash, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { capture } from './kit/capture.ts'
import { eventually, yes } from './kit/eventually.ts'
import { type Flow, notTlsRecords } from './kit/flows.ts'
import { asApplication, sumOf } from './kit/intercepted.ts'
import { APPLICATION_ID, SIDECAR_ID, type TwoHosts } from './kit/namespaces.ts'
import { projectRoot } from './kit/program.ts'
import {
  Expected,
  type RealMesh,
  resourcesOf,
  SERVICES,
  type Service,
  startRealMesh,
  WAYS,
  type Way,
} from './kit/real-mesh.ts'
import { startRedis } from './kit/real-servers.ts'

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

let mesh: RealMesh
let hosts: TwoHosts
const expected = new Expected()

beforeAll(async () => {
  mesh = await startRealMesh()
  hosts = mesh.hosts
})
afterAll(async () => {
  await hosts?.end()
})

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
    expected.of('redis', way, 'opaque')
    return application(...at(), ...words)
  }

  test('answers, by either family', async () => {
    expect(await cli('SET', 'key', SECRET)).toBe('OK\n')
    expected.of('redis', way, 'opaque')
    expect(await application(...at('redis6'), 'GET', 'key')).toBe(`${SECRET}\n`)
  })

  test('takes 20,000 commands in one go', async () => {
    const commands = Array.from({ length: 20_000 }, (_, i) => `SET ${SECRET}-${i} ${i}\r\n`).join('')
    expected.of('redis', way, 'opaque')
    expect(await asApplication(hosts.a, [...at(), '--pipe'], commands)).toContain('errors: 0, replies: 20000')
    expect(await cli('DBSIZE')).toBe('20001\n')
  })

  test(`carries a value of ${MEGABYTES} MB both ways`, async () => {
    const value = manyLines().replaceAll('\n', ' ')
    expected.of('redis', way, 'opaque')
    expect(await asApplication(hosts.a, [...at(), '-x', 'SET', 'large'], value)).toBe('OK\n')
    expect(sha((await cli('GET', 'large')).trimEnd())).toBe(sha(value.trimEnd()))
  })

  test('tells its subscribers, who have been silent for a while', async () => {
    expected.of('redis', way, 'opaque')
    const subscriber = hosts.a.start([...at(), 'SUBSCRIBE', 'news'], { id: APPLICATION_ID })
    await subscriber.line(/^1$/, 10_000)
    expect(await cli('PUBLISH', 'news', SECRET)).toBe('1\n')
    await subscriber.line(new RegExp(`^${SECRET}$`), 5_000)
    await subscriber.end()
    // Who has gone has gone at the far end, too.
    await eventually('no subscriber', 5_000, async () => yes((await cli('PUBSUB', 'NUMSUB', 'news')) === 'news\n0\n'))
  })

  test('hangs up, and its client hears of it', async () => {
    expected.of('redis', way, 'opaque')
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
    expected.of('postgres', way, 'opaque')
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
    expected.of('postgres', way, 'opaque', 2)
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
    expected.of(service, way, 'server-first', MEASURED)
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
      expected.of('mariadb', way, 'server-first')
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
    expected.of('smtp', way, 'server-first')
    await asApplication(hosts.a, [...words, '--upload-file', '-'], `${subject}\r\n\r\nGood morning.\r\n`)
    await mesh.smtp.line(new RegExp(`^${subject}$`), 5_000)
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
  expected.of('web', 'declared', 'http2')
  await curl('declared', '--http2-prior-knowledge')
})

describe.each(WAYS)('HTTP, %s', way => {
  test('curl is answered, and known by name', async () => {
    expected.of('web', way, 'http1')
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
      expected.of('web', way, 'http1', 4, 8)
      if (way === 'detected') expected.trials += 4
      expect((await application('python3', '-c', client)).trim().split('\n')).toEqual(Array(8).fill(CALLER))
    }
  })
})

test("bytes to the address of a service's instance cross both sidecars as well", async () => {
  expected.of('redis', 'detected', 'opaque')
  expect(await application('redis-cli', '-h', hosts.b.address, '-p', '6380', 'PING')).toBe('PONG\n')
})

test.each(WAYS)("TLS of an application's own, %s, passes through as it is", async way => {
  expected.of('tls', way, 'tls')
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
  expected.of('socket', way, 'http1')
  const heard = JSON.parse(await application(process.execPath, '-e', client)) as unknown
  expect(heard).toEqual([SECRET, '1000000 bytes', 1000, true])
})

describe("gRPC, by Python's grpcio", () => {
  /** Root's: it lies in a cache where nobody else may look. */
  const calls = async (host: 'a' | 'b', port: number, name: string): Promise<unknown> => {
    const words = [mesh.grpcPython, `${projectRoot}e2e/grpc/client.py`, String(port), `${name}:${port}`, name]
    return JSON.parse(await hosts[host].must(words, { timeoutMs: 60_000 })) as unknown
  }

  test('hears of both ports exactly what it hears without a mesh', async () => {
    const straight = await calls('b', mesh.grpc[0], '127.0.0.1')
    expect(straight).toMatchObject({ echo: ['hello', 'a, b', [0, 255, 13, 10], [0, 255, 13, 10]], large: 4_000_000 })
    const count = Object.keys(straight as object).length
    for (const way of WAYS) {
      expected.of('grpc', way, 'http2', 1, count)
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
      yes((await counted('a', 'grpc', 'http')) === expected.requests.grpc),
    )
    const found: Partial<Record<string, number>> = {}
    for (const result of ['http1', 'http2', 'tls', 'opaque', 'server-first', 'undecided']) {
      const count = await sumOf(hosts.a, 'selvedge_detection_total', { result })
      if (count > 0) found[result] = count
    }
    expect(found).toEqual(expected.detections)
    for (const service of Object.keys(SERVICES) as Service[]) {
      const both = [await counted('a', service, 'tcp'), await counted('a', service, 'http')]
      expect([service, ...both]).toEqual([service, expected.connections[service] ?? 0, expected.requests[service] ?? 0])
    }
  })

  test('the second has taken as many from the first, with mTLS', async () => {
    const labels = { direction: 'inbound', tls: 'mtls' }
    const sum = (tally: Partial<Record<Service, number>>) => Object.values(tally).reduce((all, each) => all + each, 0)
    const countedAs = (protocol: string) => sumOf(hosts.b, 'selvedge_requests_total', { ...labels, protocol })
    expect(await countedAs('http')).toBe(sum(expected.requests))
    const bytes = await countedAs('tcp')
    expect(bytes).toBeGreaterThanOrEqual(sum(expected.connections))
    expect(bytes).toBeLessThanOrEqual(sum(expected.connections) + expected.trials)
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

  test('a server that dies is heard of at once, by who is connected and by who comes; and is there again when it is', async () => {
    const { a, b } = hosts
    const client = ['redis-cli', '-h', 'redis', '-p', '6379']
    const subscriber = a.start([...client, 'SUBSCRIBE', 'news'], { id: APPLICATION_ID })
    await subscriber.line(/^1$/, 5_000)
    await b.must(['sh', '-c', 'kill -9 $(pgrep -f "^redis-server .*:6379")'])
    await subscriber.line(/closed the connection/, 5_000)
    for (let i = 0; i < 5; i++) {
      const refused = await a.run([...client, 'PING'], { id: APPLICATION_ID })
      expect([refused.code, refused.stdout]).toEqual([1, ''])
      expect(refused.stderr).toContain('Connection reset by peer')
    }
    await startRedis(b, 6379)
    expect(await application(...client, 'PING')).toBe('PONG\n')
  })

  test('the wire has carried TLS records between sidecars, and nothing else', async () => {
    const flows = await mesh.wire.flows()
    expect(flows.map(notTlsRecords).filter(wrong => wrong !== undefined)).toEqual([])
    expect(flows.filter(({ from, to }) => !from.endsWith(':15006') && !to.endsWith(':15006'))).toEqual([])
    expect(wordsIn(flows)).toEqual([])
    // All of it was seen: five times some MB, in either way of saying what they are.
    const bytes = flows.reduce((sum, flow) => sum + flow.bytes.length, 0)
    expect(bytes).toBeGreaterThan(10 * MEGABYTES * 1_000_000)
    console.log(`${flows.length / 2} connections between the sidecars, ${(bytes / 1e6).toFixed(1)} MB`)
    expect(mesh.sidecars.map(({ over }) => over)).toEqual([false, false])
  })
})

describe('callers without a sidecar, where the mesh is permissive', () => {
  /** The rules leave the sidecar's user alone: what it calls goes straight to the other host. */
  const straight = (...words: string[]) => hosts.a.run(words, { id: SIDECAR_ID })
  const sql = ['mariadb', '--no-defaults', '-h10.77.0.2', '-ushop', '-pshop', '-Ne', 'SELECT 7']

  test('are understood whether they speak first or their server does', async () => {
    expect((await straight(...sql)).code).not.toBe(0)
    hosts.b.write('mesh.yaml', resourcesOf(mesh, 'permissive'))
    await eventually('a permissive mesh', 10_000, async () =>
      yes((await straight('redis-cli', '-h', hosts.b.address, 'PING')).stdout === 'PONG\n'),
    )
    expect(await straight(...sql)).toMatchObject({ code: 0, stdout: '7\n' })
    const postgres = `host=${hosts.b.address} user=shop dbname=postgres sslmode=require`
    expect(await straight('psql', '-XAt', postgres, '-c', 'SELECT 7')).toMatchObject({ code: 0, stdout: '7\n' })
    await eventually('their counts', 5_000, async () =>
      yes((await sumOf(hosts.b, 'selvedge_detection_total', { result: 'opaque' })) === 1),
    )
    expect(await sumOf(hosts.b, 'selvedge_detection_total', { result: 'server-first' })).toBe(1)
    const labels = { direction: 'inbound', source: 'unauthenticated', protocol: 'tcp', tls: 'none', code: '200' }
    expect(await sumOf(hosts.b, 'selvedge_requests_total', labels)).toBeGreaterThanOrEqual(3)
  })
})

function wordsIn(flows: readonly Flow[]): string[] {
  const texts = flows.map(({ bytes }) => bytes.toString('latin1'))
  return WORDS.filter(word => texts.some(text => text.includes(word)))
}
