import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { controlPlaneSpiffeId, hasCaDir, initCaDir, loadCaDir, makeKeyPair, signLeaf, toPem } from '../../certs/mod.ts'
import type { TrustDomain } from '../../common/mod.ts'

export interface WebhookServer {
  readonly port: number
  close(): void
}

/** A webhook of the tests' own, for `<service>.selvedge-system.svc`, with a certificate of the CA in `caDir` (which is made where it is not). */
export async function serveWebhook(
  caDir: string,
  service: string,
  answer: (review: unknown) => unknown,
): Promise<WebhookServer> {
  const trustDomain = 'cluster.local' as TrustDomain
  const ca = hasCaDir(caDir) ? loadCaDir(caDir) : initCaDir(caDir, { trustDomain, nowMs: Date.now() })
  if (!ca.ok) throw new Error(ca.error)
  const keys = makeKeyPair()
  const leaf = signLeaf({
    caCertificateDer: ca.value.certificateDer,
    caPrivateKeyPem: ca.value.privateKeyPem,
    publicKeySpkiDer: keys.publicKeySpkiDer,
    spiffeId: controlPlaneSpiffeId(trustDomain),
    dnsNames: [`${service}.selvedge-system.svc`],
    lifeMs: 3_600_000,
    nowMs: Date.now(),
  })
  const server: Server = createServer(
    { cert: toPem('CERTIFICATE', leaf), key: keys.privateKeyPem },
    async (request, response) => {
      const chunks: Buffer[] = []
      for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify(answer(JSON.parse(Buffer.concat(chunks).toString()))))
    },
  )
  await new Promise<void>(resolve => server.listen(0, () => resolve()))
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}
