import type { ConnectionOptions } from 'node:tls'
import { loadCaDir, makeKeyPair, signLeaf, toPem } from '../../../certs/mod.ts'
import { workloadSpiffeId } from '../../../common/mod.ts'

/** What another sidecar of the mesh would connect with; `name` is its service account. */
export function peerOptions(caDir: string, name = 'tester'): ConnectionOptions {
  const loaded = loadCaDir(caDir)
  if (!loaded.ok) throw new Error(loaded.error)
  const ca = loaded.value
  const keys = makeKeyPair()
  const leaf = signLeaf({
    caCertificateDer: ca.certificateDer,
    caPrivateKeyPem: ca.privateKeyPem,
    publicKeySpkiDer: keys.publicKeySpkiDer,
    spiffeId: workloadSpiffeId(ca.trustDomain, 'shop', name),
    dnsNames: [],
    lifeMs: 3_600_000,
    nowMs: Date.now(),
  })
  return {
    ...{ host: '127.0.0.1', allowHalfOpen: true, ca: toPem('CERTIFICATE', ca.certificateDer) },
    ...{ cert: toPem('CERTIFICATE', leaf), key: keys.privateKeyPem, checkServerIdentity: () => undefined },
  }
}
