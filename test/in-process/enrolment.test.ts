import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ConnectionOptions, connect } from 'node:tls'
import { credentials, Server, ServerCredentials, status } from '@grpc/grpc-js'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { formatJoinToken, makeCa, makeCsr, makeCsrOf, makeKeyPair, parseCertificate, toPem } from '../../certs/mod.ts'
import { type SpiffeId, systemClock, type TrustDomain } from '../../common/mod.ts'
import { createJoinToken } from '../../control-plane/attestation/mod.ts'
import {
  type Authority,
  type CsrOutcome,
  discoveryServerCredentials,
  enrolmentServerCredentials,
  enrolmentService,
  openAuthority,
  openOwnLeaf,
  renewalService,
} from '../../control-plane/ca/mod.ts'
import { loadIdentity } from '../../proto/mod.ts'
import {
  CONTROL_PLANE_CHANNEL_OPTIONS,
  clientTlsOptions,
  discoveryChannelCredentials,
  type EnrolledIdentityOptions,
  enrolledIdentity,
  type Identity,
  type Svid,
} from '../../sidecar/identity/mod.ts'
import { fakeTokenRecords } from '../fakes/token-records.ts'

const trustDomain = 'mesh.example' as TrustDomain
const reviews = 'spiffe://mesh.example/ns/bookshop/sa/reviews' as SpiffeId
const workload = { namespace: 'bookshop', serviceAccount: 'reviews' }
/** Certificates count in whole seconds; with 4 of them, half is far from both ends. */
const SHORT_LIFE_MS = 4000

let dir = ''
const ending: (() => void)[] = []
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'selvedge-enrolment-'))
})
afterEach(() => {
  for (const end of ending.splice(0).reverse()) end()
  rmSync(dir, { recursive: true })
})

function lines() {
  const seen: string[] = []
  const push = (message: string): void => void seen.push(message)
  return { seen, info: push, warn: push }
}

async function bind(server: Server, port: number, trust: ServerCredentials): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${port}`, trust, (error, bound) => (error === null ? resolve(bound) : reject(error)))
  })
}

/** A control plane's two identity ports, over real gRPC. */
async function startControlPlane(
  how: {
    readonly leafLifeMs?: number
    readonly storeIsNew?: boolean
    readonly ports?: { readonly enrolment: number; readonly discovery: number }
    readonly tokens?: ReturnType<typeof fakeTokenRecords>
  } = {},
) {
  const { leafLifeMs = 3_600_000, storeIsNew = true, ports, tokens = fakeTokenRecords() } = how
  const opened = openAuthority({ dir: join(dir, 'ca'), storeIsNew, trustDomain, clock: systemClock, leafLifeMs })
  if (!opened.ok) throw new Error(opened.error)
  const authority: Authority = opened.value
  const leaf = openOwnLeaf({ authority, clock: systemClock, random: () => 0.5, log: lines() })
  if (!leaf.ok) throw new Error(leaf.error)
  const log = lines()
  const outcomes: CsrOutcome[] = []
  const observe = (outcome: CsrOutcome): void => void outcomes.push(outcome)
  const enrolment = new Server()
  const first = enrolmentService({ authority, tokens, clock: systemClock, log, observe })
  enrolment.addService(first.definition, first.implementation)
  const discovery = new Server()
  const later = renewalService({ authority, clock: systemClock, log, observe })
  discovery.addService(later.definition, later.implementation)
  const bound = {
    enrolment: await bind(enrolment, ports?.enrolment ?? 0, enrolmentServerCredentials(leaf.value)),
    discovery: await bind(discovery, ports?.discovery ?? 0, discoveryServerCredentials(leaf.value)),
  }
  const stop = (): void => {
    enrolment.forceShutdown()
    discovery.forceShutdown()
    leaf.value.close()
  }
  ending.push(stop)
  return { authority, leaf: leaf.value, log, outcomes, ports: bound, stop, tokens }
}

type ControlPlane = Awaited<ReturnType<typeof startControlPlane>>

async function tokenFor(plane: ControlPlane, more: { uses?: number; serviceAccount?: string } = {}): Promise<string> {
  const wish = { ...workload, caPin: plane.authority.rootPin, ...more }
  const made = await createJoinToken(plane.tokens, wish, systemClock)
  if (!made.ok) throw new Error(made.error)
  return made.value.text
}

function enrol(
  ports: { readonly enrolment: number; readonly discovery: number },
  joinToken: string,
  more: Partial<EnrolledIdentityOptions> = {},
) {
  return enrolledIdentity({
    enrolmentAddress: `127.0.0.1:${ports.enrolment}`,
    discoveryAddress: `127.0.0.1:${ports.discovery}`,
    joinToken,
    workload,
    clock: systemClock,
    random: () => 0.5,
    log: lines(),
    ...more,
  })
}

async function enrolled(...args: Parameters<typeof enrol>): Promise<Identity> {
  const identity = await enrol(...args)
  if (!identity.ok) throw new Error(identity.error)
  ending.push(() => identity.value.close())
  return identity.value
}

function nextSvid(identity: Identity): Promise<Svid> {
  return new Promise(resolve => {
    const end = identity.onChange(svid => {
      end()
      resolve(svid)
    })
  })
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  await new Promise(resolve => server.close(resolve))
  return typeof address === 'object' && address !== null ? address.port : 0
}

describe('a sidecar with a join token', () => {
  it('enrols, and then renews over mTLS with a new key at half of each life', async () => {
    const plane = await startControlPlane({ leafLifeMs: SHORT_LIFE_MS })
    const identity = await enrolled(plane.ports, await tokenFor(plane))
    const first = identity.current()
    expect(first.spiffeId).toBe(reviews)
    expect(first.trustBundlePem).toEqual([toPem('CERTIFICATE', plane.authority.rootDer)])
    const second = await nextSvid(identity)
    const third = await nextSvid(identity)
    expect(new Set([first.privateKeyPem, second.privateKeyPem, third.privateKeyPem]).size).toBe(3)
    expect(third.notAfterMs).toBeGreaterThan(first.notAfterMs)
    expect(plane.outcomes).toEqual(['issued', 'issued', 'issued'])
  })

  it('that starts before its control plane waits for it, and says so once', async () => {
    const ports = { enrolment: await freePort(), discovery: await freePort() }
    const before = await startControlPlane()
    const token = await tokenFor(before)
    before.stop()
    const log = lines()
    const waiting = enrolled(ports, token, { log })
    await new Promise(resolve => setTimeout(resolve, 500))
    expect(log.seen).toEqual([expect.stringContaining('goes on being tried')])
    await startControlPlane({ storeIsNew: false, ports, tokens: before.tokens })
    expect((await waiting).current().spiffeId).toBe(reviews)
    expect(log.seen).toEqual([expect.stringContaining('Cannot reach'), expect.stringContaining('answers again')])
  })

  it('stops waiting when it is told to', async () => {
    const gone = { enrolment: await freePort(), discovery: await freePort() }
    const plane = await startControlPlane()
    const stop = new AbortController()
    const waiting = enrol(gone, await tokenFor(plane), { signal: stop.signal })
    stop.abort()
    expect(await waiting).toEqual({ ok: false, error: expect.stringContaining('called off') })
  })

  it('renews when a control plane that was away is back, and says both once', async () => {
    const plane = await startControlPlane({ leafLifeMs: SHORT_LIFE_MS })
    const log = lines()
    const identity = await enrolled(plane.ports, await tokenFor(plane), { log })
    plane.stop()
    await new Promise(resolve => setTimeout(resolve, SHORT_LIFE_MS / 2 + 700))
    const renewed = nextSvid(identity)
    await startControlPlane({ storeIsNew: false, ports: plane.ports, tokens: plane.tokens })
    expect((await renewed).spiffeId).toBe(reviews)
    expect(log.seen).toEqual([expect.stringContaining('is good until'), expect.stringContaining('answers again')])
  })

  it('whose certificate ended while the control plane was away enrols again', async () => {
    const plane = await startControlPlane({ leafLifeMs: 2000 })
    const identity = await enrolled(plane.ports, await tokenFor(plane, { uses: 2 }))
    plane.stop()
    await new Promise(resolve => setTimeout(resolve, identity.current().notAfterMs - Date.now() + 100))
    const renewed = nextSvid(identity)
    const back = await startControlPlane({ storeIsNew: false, ports: plane.ports, tokens: plane.tokens })
    expect((await renewed).notAfterMs).toBeGreaterThan(Date.now())
    expect(back.outcomes).toEqual(['issued'])
    expect(await plane.tokens.list()).toEqual([expect.objectContaining({ usesLeft: 0 })])
  })
})

describe('enrolment is refused', () => {
  it('by a sidecar whose token names another CA', async () => {
    const plane = await startControlPlane()
    const token = formatJoinToken({ id: 'x', secret: Buffer.alloc(32), caPin: 'ab'.repeat(32) })
    expect(await enrol(plane.ports, token)).toEqual({ ok: false, error: expect.stringContaining('not the one that') })
    expect(plane.outcomes).toEqual([])
  })

  it('by a sidecar that meets a workload of the mesh in the place of the control plane: the token is not sent', async () => {
    const plane = await startControlPlane()
    const thief = (await enrolled(plane.ports, await tokenFor(plane, { uses: 2 }))).current()
    const root = toPem('CERTIFICATE', plane.authority.rootDer)
    const server = new Server()
    const shown: string[] = []
    server.addService(loadIdentity().Enrolment.service, {
      Enrol: (call: { request: { joinToken: string } }) => shown.push(call.request.joinToken),
    })
    const chain = Buffer.from(thief.certificateChainPem + root)
    const trust = ServerCredentials.createSsl(null, [
      { private_key: Buffer.from(thief.privateKeyPem), cert_chain: chain },
    ])
    const port = await bind(server, 0, trust)
    ending.push(() => server.forceShutdown())
    const log = lines()
    const stop = new AbortController()
    const waiting = enrol({ enrolment: port, discovery: port }, await tokenFor(plane), { log, signal: stop.signal })
    while (log.seen.length === 0) await new Promise(resolve => setTimeout(resolve, 20))
    stop.abort()
    expect((await waiting).ok).toBe(false)
    expect(log.seen[0]).toContain('not spiffe://mesh.example/ns/selvedge-system/sa/control-plane')
    expect(shown).toEqual([])
  })

  it('with a token that is unknown, used up, or for another service account', async () => {
    const plane = await startControlPlane()
    const unknown = formatJoinToken({ id: 'x', secret: Buffer.alloc(32), caPin: plane.authority.rootPin })
    expect(await enrol(plane.ports, unknown)).toEqual({ ok: false, error: expect.stringContaining('unknown') })
    const once = await tokenFor(plane)
    await enrolled(plane.ports, once)
    expect(await enrol(plane.ports, once)).toEqual({ ok: false, error: expect.stringContaining('used up') })
    const other = await tokenFor(plane, { serviceAccount: 'payments' })
    expect(await enrol(plane.ports, other)).toEqual({ ok: false, error: expect.stringContaining('but its sender is') })
    expect(plane.outcomes).toEqual(['unauthenticated', 'issued', 'unauthenticated', 'permission-denied'])
  })
})

describe('on the wire', () => {
  const keys = makeKeyPair()

  function ask(plane: ControlPlane, request: { csr: Buffer; joinToken?: string }): Promise<status | 'issued'> {
    const trust = credentials.createSsl(Buffer.from(toPem('CERTIFICATE', plane.authority.rootDer)))
    const { Enrolment } = loadIdentity()
    const client = new Enrolment(`127.0.0.1:${plane.ports.enrolment}`, trust, CONTROL_PLANE_CHANNEL_OPTIONS)
    return new Promise(resolve => {
      client.enrol(request, error => {
        client.close()
        resolve(error === null ? 'issued' : error.code)
      })
    })
  }

  it('each refusal has its status, and a refused request costs no use', async () => {
    const plane = await startControlPlane()
    const joinToken = await tokenFor(plane)
    const csr = makeCsr({ privateKeyPem: keys.privateKeyPem, spiffeId: reviews })
    const extra = makeCsrOf({ privateKeyPem: keys.privateKeyPem, uriSans: [reviews], dnsSans: ['x.example'] })
    expect(await ask(plane, { csr })).toBe(status.UNAUTHENTICATED)
    expect(await ask(plane, { csr, joinToken: 'nothing' })).toBe(status.UNAUTHENTICATED)
    expect(await ask(plane, { csr: extra, joinToken })).toBe(status.PERMISSION_DENIED)
    expect(await ask(plane, { csr: Buffer.from('nothing'), joinToken })).toBe(status.INVALID_ARGUMENT)
    expect(await ask(plane, { csr, joinToken })).toBe('issued')
    expect(await ask(plane, { csr, joinToken })).toBe(status.UNAUTHENTICATED)
  })

  it('an identity that asks too often is told to slow down', async () => {
    const plane = await startControlPlane()
    const joinToken = await tokenFor(plane, { uses: 100 })
    const csr = makeCsr({ privateKeyPem: keys.privateKeyPem, spiffeId: reviews })
    const answers = await Promise.all(Array.from({ length: 15 }, () => ask(plane, { csr, joinToken })))
    expect(answers.filter(answer => answer === 'issued').length).toBeGreaterThanOrEqual(5)
    expect(answers).toContain(status.RESOURCE_EXHAUSTED)
  })

  it('a caller renews its own identity only', async () => {
    const plane = await startControlPlane()
    const svid = (await enrolled(plane.ports, await tokenFor(plane))).current()
    const { Renewal } = loadIdentity()
    const address = `127.0.0.1:${plane.ports.discovery}`
    const client = new Renewal(address, discoveryChannelCredentials(svid), CONTROL_PLANE_CHANNEL_OPTIONS)
    ending.push(() => client.close())
    const csr = makeCsr({ privateKeyPem: keys.privateKeyPem, spiffeId: `${reviews}-and-more` })
    const code = await new Promise(resolve => client.renew({ csr }, error => resolve(error?.code)))
    expect(code).toBe(status.PERMISSION_DENIED)
  })

  it('who has no certificate of the mesh does not get onto the mTLS port', async () => {
    const plane = await startControlPlane()
    const { Renewal } = loadIdentity()
    const foreign = makeCa({ trustDomain, lifeMs: 3_600_000, nowMs: Date.now() })
    const root = Buffer.from(toPem('CERTIFICATE', plane.authority.rootDer))
    const chain = Buffer.from(toPem('CERTIFICATE', foreign.certificateDer))
    const trusts = [credentials.createSsl(root), credentials.createSsl(root, Buffer.from(foreign.privateKeyPem), chain)]
    for (const trust of trusts) {
      const client = new Renewal(`127.0.0.1:${plane.ports.discovery}`, trust, CONTROL_PLANE_CHANNEL_OPTIONS)
      const code = await new Promise(resolve => client.renew({ csr: Buffer.alloc(1) }, error => resolve(error?.code)))
      client.close()
      expect(code).toBe(status.UNAVAILABLE)
    }
    expect(plane.outcomes).toEqual([])
  })
})

describe("the control plane's ports", () => {
  /** One handshake; what came of it. */
  async function handshake(port: number, options: ConnectionOptions) {
    const socket = connect({ host: '127.0.0.1', port, ALPNProtocols: ['h2'], ...options })
    const sessions: Buffer[] = []
    socket.on('session', session => sessions.push(session))
    socket.resume()
    const failed = await new Promise<string>(resolve => {
      socket.once('secureConnect', () => resolve(''))
      socket.once('error', error => resolve(error.message))
    })
    // The server's first frames come with or after its tickets.
    if (failed === '' && sessions.length === 0) await Promise.race([once(socket, 'data'), once(socket, 'close')])
    const certificate = socket.getPeerX509Certificate()?.raw ?? Buffer.alloc(0)
    const seen = { failed, sessions, reused: socket.isSessionReused(), certificate }
    socket.on('error', () => {})
    socket.destroy()
    return seen
  }

  it('show a rotated leaf to new connections, without listening anew', async () => {
    const plane = await startControlPlane({ leafLifeMs: SHORT_LIFE_MS })
    const trust = { ca: toPem('CERTIFICATE', plane.authority.rootDer), checkServerIdentity: () => undefined }
    const before = await handshake(plane.ports.enrolment, trust)
    await new Promise<void>(resolve => {
      plane.leaf.onChange(() => resolve())
    })
    const after = await handshake(plane.ports.enrolment, trust)
    const ends = [before, after].map(seen => {
      const facts = parseCertificate(seen.certificate)
      return facts.ok ? facts.value.notAfterMs : 0
    })
    expect([before.failed, after.failed]).toEqual(['', ''])
    expect(ends[1]).toBeGreaterThan(ends[0] ?? Number.POSITIVE_INFINITY)
  })

  it('never resume a session, and speak TLS 1.3 alone', async () => {
    const plane = await startControlPlane()
    const svid = (await enrolled(plane.ports, await tokenFor(plane))).current()
    const expected = 'spiffe://mesh.example/ns/selvedge-system/sa/control-plane' as SpiffeId
    const options = clientTlsOptions(svid, expected)
    const { sessions, failed } = await handshake(plane.ports.discovery, options)
    expect(failed).toBe('')
    expect(sessions.length).toBeGreaterThan(0)
    const again = await handshake(plane.ports.discovery, { ...options, session: sessions.at(-1) ?? Buffer.alloc(0) })
    expect(again).toMatchObject({ failed: '', reused: false })
    const old: ConnectionOptions = { ...options, minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' }
    expect((await handshake(plane.ports.discovery, old)).failed).toContain('alert')
  })
})
