import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Caller, callerIn, callerProcess, echoProcess } from './kit/caller.ts'
import { capture } from './kit/capture.ts'
import { type Mesh, startMesh } from './kit/mesh.ts'
import { run } from './kit/program.ts'

const REQUESTS = 300
const REFUSED_MS = 5_000
/** RFC 8446, 5.1: application data, in records of at most 2^14 + 256 bytes. */
const APPLICATION_DATA = 23

let mesh: Mesh
let caller: Caller

beforeAll(async () => {
  mesh = await startMesh([echoProcess('hello-1', 'hello'), echoProcess('hello-2', 'hello'), callerProcess()].join(''))
  caller = await callerIn(mesh)
}, 60_000)
afterAll(async () => {
  await mesh?.stop()
})

function inboundPorts(): number[] {
  return ['hello-1', 'hello-2', 'caller'].map(name => mesh.sidecar(`shop/${name}`).inbound)
}

describe('between sidecars', () => {
  test('a packet capture shows TLS records and no HTTP', async () => {
    const capturing = await capture(join(mesh.dir, 'wire.pcap'), inboundPorts())
    const secret = 'a-path-that-nobody-else-may-read'
    const counts = await caller.burst({
      url: `http://hello/${secret}`,
      headers: { 'x-also-secret': 'a-value-that-nobody-else-may-read' },
      count: REQUESTS,
      concurrency: 8,
    })
    const packets = await capturing.stop()
    expect(counts).toMatchObject({ done: REQUESTS, failed: 0 })
    // Fewer, and the capture has missed the traffic: one connection may carry several requests in one record, but not these many.
    const records = packets.filter(packet => packet.readUInt8(0) === APPLICATION_DATA)
    expect(records.length).toBeGreaterThan(REQUESTS / 4)
    // RFC 7301, 3.1: a ClientHello says which protocols it offers, each name behind its length.
    const bytes = Buffer.concat(packets).toString('latin1').toLowerCase().replaceAll('\x08http/1.1', '')
    for (const word of ['http/1.', 'get /', secret, 'x-also-secret', 'nobody-else-may-read', 'host:', 'x-selvedge']) {
      expect(bytes.includes(word), `"${word}" in the capture`).toBe(false)
    }
  })

  test('the same capture of the last step, from sidecar to program, does show HTTP: the search finds what is there', async () => {
    const ports = ['hello-1', 'hello-2'].map(name => mesh.sidecar(`shop/${name}`).application ?? 0)
    const capturing = await capture(join(mesh.dir, 'local.pcap'), ports)
    await caller.burst({ url: 'http://hello/plain', count: 20, concurrency: 2 })
    const bytes = Buffer.concat(await capturing.stop()).toString('latin1')
    expect(bytes).toContain('GET /plain HTTP/1.1')
  })
})

describe('an inbound port', () => {
  const request = 'GET / HTTP/1.1\r\nHost: hello\r\nConnection: close\r\n\r\n'

  test('refuses a plaintext request', async () => {
    const answer = await new Promise<string>(resolve => {
      const socket = connect(mesh.sidecar('shop/hello-1').inbound, '127.0.0.1', () => socket.write(request))
      collect(socket, resolve)
    })
    expect(answer).not.toContain('HTTP/1.1 2')
    expect(answer).not.toContain('hello-1')
  })

  test('refuses a client without a certificate', async () => {
    expect(await overTls({})).not.toContain('HTTP/1.1')
  })

  test('refuses a certificate of a foreign CA, though it names the same identity', async () => {
    const foreign = join(mesh.dir, 'foreign')
    const made = await run([
      'openssl',
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1'],
      ...['-subj', '/CN=caller', '-addext', 'subjectAltName=URI:spiffe://cluster.local/ns/shop/sa/caller'],
      ...['-keyout', `${foreign}.key`, '-out', `${foreign}.crt`],
    ])
    expect(made.code, `Cannot make a certificate; is the Debian package openssl there? ${made.stderr}`).toBe(0)
    const answer = await overTls({ key: readFileSync(`${foreign}.key`), cert: readFileSync(`${foreign}.crt`) })
    expect(answer).not.toContain('HTTP/1.1')
  })

  test('answers a certificate of its own CA: the refusals above are for the certificate alone', async () => {
    const { status, head, body } = await caller.once({ url: 'http://hello/' })
    expect(status).toBe(200)
    expect(head).not.toHaveProperty('x-selvedge-cause')
    expect(JSON.parse(body)).toMatchObject({
      headers: { 'x-selvedge-caller': 'spiffe://cluster.local/ns/shop/sa/caller' },
    })
  })

  /** What comes back for the request; in TLS 1.3 a client learns of its refusal only after its own handshake. */
  function overTls(options: ConnectionOptions): Promise<string> {
    return new Promise(resolve => {
      const { inbound } = mesh.sidecar('shop/hello-1')
      const servername = `p${mesh.sidecar('shop/hello-1').application}.hello.shop`
      const socket = connectTls(
        { host: '127.0.0.1', port: inbound, servername, rejectUnauthorized: false, ...options },
        () => socket.write(request),
      )
      collect(socket, resolve)
    })
  }

  function collect(socket: NodeJS.ReadableStream & { destroy(): void }, resolve: (text: string) => void): void {
    let text = ''
    const late = setTimeout(() => socket.destroy(), REFUSED_MS)
    socket.on('data', chunk => (text += String(chunk)))
    socket.on('error', () => {})
    socket.on('close', () => {
      clearTimeout(late)
      resolve(text)
    })
  }
})
