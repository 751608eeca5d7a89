import type { X509Certificate } from 'node:crypto'
import { connect, type TLSSocket } from 'node:tls'
import { tlsErrorText } from '../../certs/mod.ts'
import { err, ok, type Result } from '../../common/mod.ts'

/** Connect and handshake together. */
const HANDSHAKE_MS_MAX = 5_000
/** A leaf, an intermediate or two, a root. */
const CHAIN_MAX = 8
const ADDRESS = /^(?:\[([0-9a-fA-F:.%]+)\]|([A-Za-z0-9.-]{1,253})):([0-9]{1,5})$/

export interface Address {
  readonly host: string
  readonly port: number
}

/** `host:port`, or `[address]:port` for IPv6; `undefined` for everything else, such as the name of a file. */
export function addressOf(text: string): Address | undefined {
  const match = ADDRESS.exec(text)
  const port = Number(match?.[3])
  return match === null || port < 1 || port > 65_535 ? undefined : { host: match[1] ?? match[2] ?? '', port }
}

/**
 * The certificates that a server shows, DER, leaf first. Nothing is sent and nobody is believed: it is only looked at. A server that wants a
 * certificate of ours, as the inbound port of a sidecar does, shows its own before it refuses us.
 */
export function servedChain({ host, port }: Address): Promise<Result<readonly Buffer[], string>> {
  return new Promise(resolve => {
    const socket: TLSSocket = connect({ host, port, rejectUnauthorized: false, ALPNProtocols: ['h2', 'http/1.1'] })
    const end = (result: Result<readonly Buffer[], string>): void => {
      clearTimeout(timer)
      socket.destroy()
      resolve(result)
    }
    const timer = setTimeout(() => end(err(`no handshake within ${HANDSHAKE_MS_MAX} ms`)), HANDSHAKE_MS_MAX)
    socket.once('secureConnect', () => end(ok(chainOf(socket.getPeerX509Certificate()))))
    socket.on('error', error => end(err(tlsErrorText(error))))
    socket.once('close', () => end(err('it closed the connection')))
  })
}

function chainOf(leaf: X509Certificate | undefined): readonly Buffer[] {
  const chain: Buffer[] = []
  for (let next = leaf; next !== undefined && chain.length < CHAIN_MAX; next = next.issuerCertificate)
    chain.push(next.raw)
  return chain
}
