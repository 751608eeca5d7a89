import { join } from 'node:path'
import { initCaDir, makeKeyPair, signLeaf, toPem } from '../certs/mod.ts'
import { parseTrustDomain, workloadSpiffeId } from '../common/mod.ts'
import { NAMESPACE, SERVICE_NAME } from './plan.ts'
import type { Workspace } from './workspace.ts'

/** One identity on disk. */
export interface CertificateFiles {
  readonly certificate: string
  readonly key: string
  /** Both in one file, as HAProxy wants them. */
  readonly bundle: string
}

/** The same CA and the same kind of leaf (ECDSA P-256, one SPIFFE ID) for all peers, so that all verify the same. */
export interface Certificates {
  /** The CA directory, as `selvedge sidecar --ca-dir` takes it. */
  readonly caDir: string
  readonly ca: string
  readonly client: CertificateFiles
  readonly server: CertificateFiles
  /** The DNS name in the server's leaf. */
  readonly serverName: string
}

const LEAF_LIFE_MS = 24 * 3_600_000

/** Makes a CA and two identities in the workspace. Throws when the CA can't be made. */
export function makeCertificates(workspace: Workspace): Certificates {
  const caDir = join(workspace.dir, 'ca')
  const trustDomain = parseTrustDomain('cluster.local')
  if (!trustDomain.ok) throw new Error(trustDomain.error)
  const nowMs = Date.now()
  const ca = initCaDir(caDir, { trustDomain: trustDomain.value, nowMs })
  if (!ca.ok) throw new Error(ca.error)

  const nameOf = (account: string) => `${account}.${NAMESPACE}.svc.cluster.local`
  const leaf = (account: string): CertificateFiles => {
    const keys = makeKeyPair()
    const der = signLeaf({
      publicKeySpkiDer: keys.publicKeySpkiDer,
      spiffeId: workloadSpiffeId(trustDomain.value, NAMESPACE, account),
      dnsNames: [nameOf(account)],
      lifeMs: LEAF_LIFE_MS,
      nowMs,
      caCertificateDer: ca.value.certificateDer,
      caPrivateKeyPem: ca.value.privateKeyPem,
    })
    const pem = toPem('CERTIFICATE', der)
    return {
      certificate: workspace.write(`${account}.crt`, pem),
      key: workspace.write(`${account}.key`, keys.privateKeyPem),
      bundle: workspace.write(`${account}.pem`, pem + keys.privateKeyPem),
    }
  }
  return {
    caDir,
    ca: join(caDir, 'ca.crt'),
    client: leaf('caller'),
    server: leaf(SERVICE_NAME),
    serverName: nameOf(SERVICE_NAME),
  }
}
