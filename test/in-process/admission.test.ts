import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { type RequestOptions, request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { err, ok, systemClock } from '../../common/mod.ts'
import type { Admission } from '../../control-plane/admission/mod.ts'
import { type ControlPlane, startControlPlane } from '../../control-plane/app.ts'
import { readControlPlaneConfig } from '../../control-plane/config.ts'
import { defaultSettings } from '../../k8s/injector/mod.ts'
import { podAdmission } from '../../k8s/webhook/mod.ts'
import { portOf } from './mesh.ts'

const NAME = 'selvedge-control-plane.selvedge-system.svc'
const REVIEW = readFileSync(fileURLToPath(new URL('../golden/admission/plain.review.json', import.meta.url)), 'utf8')

let dataDir: string
let plane: ControlPlane

async function start(admission: Admission, ...flags: readonly string[]): Promise<void> {
  const config = readControlPlaneConfig(
    [
      ...['--data-dir', dataDir, '--rest-port', '0', '--enrolment-port', '0', '--discovery-port', '0'],
      ...['--metrics-port', '0', '--webhook-port', '0', '--dns-name', NAME, '--log-level', 'silent', ...flags],
    ],
    {},
  )
  if (!config.ok) throw new Error(config.error.join(' '))
  const started = await startControlPlane(config.value, '1.2.3', systemClock, { admission })
  if (!started.ok) throw new Error(started.error)
  plane = started.value
}

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'selvedge-admission-'))
})
afterEach(async () => {
  await plane.close()
  rmSync(dataDir, { recursive: true })
})

const port = () => portOf(plane.addresses.webhook ?? '')

interface Answer {
  readonly status: number
  readonly body: string
  readonly closed: boolean
}

/** As the API server asks: it believes the mesh's CA alone, for the Service's name. */
function post(body: string | Buffer, more: RequestOptions = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { headers, ...options } = more
    const asked = request(
      {
        ...{ host: '127.0.0.1', port: port(), method: 'POST', path: '/inject?timeout=5s', servername: NAME },
        ca: readFileSync(join(dataDir, 'ca', 'ca.crt')),
        headers: { 'content-type': 'application/json', ...headers },
        ...options,
      },
      async response => {
        const chunks: Buffer[] = []
        for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk)
        resolve({
          status: response.statusCode ?? 0,
          body: Buffer.concat(chunks).toString(),
          closed: response.headers.connection === 'close',
        })
      },
    )
    asked.on('error', reject)
    asked.end(body)
  })
}

async function counted(result: string): Promise<number> {
  const text = await (await fetch(`http://${plane.addresses.metrics}/metrics`)).text()
  return Number(
    new RegExp(`^selvedge_control_admission_reviews_total\\{result="${result}"\\} (\\d+)$`, 'm').exec(text)?.[1],
  )
}

describe('the admission port', () => {
  it("answers a review under the Service's name, with a certificate of the mesh's CA, and counts it", async () => {
    await start(podAdmission(defaultSettings('1.2.3')))
    const { status, body } = await post(REVIEW)
    expect(status).toBe(200)
    const { response } = JSON.parse(body) as { response: { allowed: boolean; patchType: string } }
    expect(response).toMatchObject({ allowed: true, patchType: 'JSONPatch' })
    expect(await counted('injected')).toBe(1)
  })

  it.each<[string, string | Buffer, RequestOptions, number]>([
    ['text', 'no review', {}, 400],
    ['half a review', REVIEW.slice(0, 200), {}, 400],
    ['nothing', '', {}, 400],
    ['another object', '{"kind":"Pod"}', {}, 400],
    ['bytes that are no text', Buffer.from([0x7b, 0xff, 0x7d]), {}, 400],
    ['another type', REVIEW, { headers: { 'content-type': 'application/yaml' } }, 415],
    ['a coding', REVIEW, { headers: { 'content-encoding': 'gzip' } }, 415],
    ['too much', Buffer.alloc(4 * 1024 * 1024 + 1, 0x20), {}, 413],
    ['too much that is announced', 'x', { headers: { 'content-length': String(1e9) } }, 413],
  ])(
    '%s is no review: it gets its status, is counted, and the next review is answered',
    async (_, body, options, status) => {
      await start(podAdmission(defaultSettings('1.2.3')))
      const answer = await post(body, options)
      expect(answer.status).toBe(status)
      expect(answer.body).toMatch(/^Cannot [^\n]+\n$/)
      expect(await counted('malformed')).toBe(1)
      expect((await post(REVIEW)).status).toBe(200)
    },
  )

  it.each<[RequestOptions, number]>([
    [{ path: '/' }, 404],
    [{ path: '/metrics', method: 'GET' }, 404],
    [{ method: 'GET' }, 405],
    [{ method: 'PUT' }, 405],
  ])('%j gets %s', async (options, status) => {
    await start(podAdmission(defaultSettings('1.2.3')))
    const method = options.method ?? 'POST'
    expect((await post(method === 'GET' ? '' : REVIEW, options)).status).toBe(status)
    expect(await counted('malformed')).toBe(0)
  })

  it('a fault of ours is 500, and no answer to the review', async () => {
    let faulty = true
    await start({
      review: () => {
        if (faulty) throw new Error('a bug')
        return ok({ body: {}, result: 'ignored', subject: '' })
      },
    })
    expect(await post(REVIEW)).toMatchObject({ status: 500, body: expect.stringContaining('has a fault') })
    faulty = false
    expect((await post(REVIEW)).status).toBe(200)
  })

  it('a caller who does not believe our CA, or wants another name, gets nowhere', async () => {
    await start({ review: () => err('none') })
    await expect(post(REVIEW, { ca: [] })).rejects.toThrow(/certificate|issuer/i)
    await expect(post(REVIEW, { servername: 'another.selvedge-system.svc' })).rejects.toThrow(
      /altnames|does not match/i,
    )
  })

  it('shows the new certificate after a renewal, without a restart', async () => {
    await start(podAdmission(defaultSettings('1.2.3')), '--leaf-life', '10s')
    const serial = () =>
      new Promise<string>((resolve, reject) => {
        const socket = connect({ host: '127.0.0.1', port: port(), rejectUnauthorized: false }, () => {
          resolve(socket.getPeerCertificate().serialNumber)
          socket.destroy()
        })
        socket.on('error', reject)
      })
    const before = await serial()
    await expect.poll(serial, { timeout: 8_000, interval: 100 }).not.toBe(before)
    expect((await post(REVIEW)).status).toBe(200)
  })
})
