import type { X509Certificate } from 'node:crypto'
import { connect, type TLSSocket } from 'node:tls'
import { CONTROL_PLANE_DNS_NAME, checkRoot, spkiSha256, trustDomainOfRoot } from '../../certs/mod.ts'
import { err, ok, type Result, type TrustDomain } from '../../common/mod.ts'
import type { EnrolmentFault } from './fault.ts'

/** The root that a join token pins, as the enrolment port served it. */
export interface PinnedRoot {
  readonly rootDer: Buffer
  readonly trustDomain: TrustDomain
}

/** Connect and handshake together; a control plane in the same data centre takes milliseconds. */
const HANDSHAKE_TIMEOUT_MS = 5000
/** How long the server may take to close its end, once its chain was looked at. */
const CLOSE_TIMEOUT_MS = 1000
/** A chain of ours has two certificates. */
const CHAIN_MAX = 8

/**
 * Reads the chain that the enrolment port serves, over a connection that is used for nothing else, and finds the certificate whose
 * key is pinned. Nothing is believed yet but that: the real connection is made with this root as the only one trusted.
 */
export async function fetchPinnedRoot(address: string, pin: string): Promise<Result<PinnedRoot, EnrolmentFault>> {
  const target = splitAddress(address)
  if (!target.ok) return err({ kind: 'refused', message: target.error })
  const chain = await servedChain(target.value)
  if (!chain.ok) return err({ kind: 'away', message: `Cannot reach the control plane at ${address}: ${chain.error}` })
  const rootDer = chain.value.find(der => spkiSha256(der) === pin)
  if (rootDer === undefined) {
    return err({
      kind: 'refused',
      message: `Cannot trust the control plane at ${address}: its CA is not the one that the join token names; make a new token`,
    })
  }
  const facts = checkRoot(rootDer)
  const trustDomain = facts.ok ? trustDomainOfRoot(facts.value.uriSans) : facts
  if (!trustDomain.ok) return err({ kind: 'refused', message: `Cannot trust the control plane: ${trustDomain.error}` })
  return ok({ rootDer, trustDomain: trustDomain.value })
}

/** `host:port`, or `[address]:port` for IPv6. */
function splitAddress(address: string): Result<{ readonly host: string; readonly port: number }, string> {
  const match = /^(?:\[([0-9a-fA-F:.%]+)\]|([^:[\]]+)):([0-9]{1,5})$/.exec(address)
  const port = Number(match?.[3])
  if (match === null || port < 1 || port > 65_535) {
    return err(`Cannot reach the control plane: "${address}" is not an address; write host:port`)
  }
  return ok({ host: match[1] ?? match[2] ?? '', port })
}

function servedChain(target: {
  readonly host: string
  readonly port: number
}): Promise<Result<readonly Buffer[], string>> {
  return new Promise(resolve => {
    const socket: TLSSocket = connect({
      ...target,
      servername: CONTROL_PLANE_DNS_NAME,
      ALPNProtocols: ['h2'],
      minVersion: 'TLSv1.3',
      // Nothing is believed and nothing is sent: the chain is only looked at for the pinned key.
      rejectUnauthorized: false,
    })
    const end = (result: Result<readonly Buffer[], string>): void => {
      clearTimeout(timer)
      socket.destroy()
      resolve(result)
    }
    const timer = setTimeout(() => end(err(`no handshake within ${HANDSHAKE_TIMEOUT_MS} ms`)), HANDSHAKE_TIMEOUT_MS)
    socket.once('secureConnect', () => {
      clearTimeout(timer)
      resolve(ok(chainOf(socket.getPeerX509Certificate())))
      endInOrder(socket)
    })
    socket.on('error', error => end(err(error.message)))
    socket.once('close', () => end(err('it closed the connection')))
  })
}

/** Cut here, the server would see its handshake fail, and tell of a peer that it refused, at each join. */
function endInOrder(socket: TLSSocket): void {
  const cut = setTimeout(() => socket.destroy(), CLOSE_TIMEOUT_MS)
  socket.once('close', () => clearTimeout(cut))
  // What the server sends (session tickets, settings of HTTP/2) is read, or closing would reset the connection.
  socket.resume()
  socket.end()
}

function chainOf(leaf: X509Certificate | undefined): readonly Buffer[] {
  const chain: Buffer[] = []
  let certificate = leaf
  while (certificate !== undefined && chain.length < CHAIN_MAX) {
    chain.push(certificate.raw)
    certificate = certificate.issuerCertificate
  }
  return chain
}
