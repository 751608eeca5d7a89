import {
  CONTROL_PLANE_DNS_NAME,
  type CsrFacts,
  controlPlaneSpiffeId,
  dnsNamesOf,
  hasCaDir,
  initCaDir,
  loadCaDir,
  makeKeyPair,
  parseCertificate,
  parseCsr,
  signLeaf,
  spkiSha256,
  type TrustedCa,
} from '../../certs/mod.ts'
import {
  type Clock,
  err,
  ok,
  type Result,
  type SpiffeId,
  type TrustDomain,
  trustDomainOf,
  workloadOf,
} from '../../common/mod.ts'
import { csrLimits } from './csr-limits.ts'
import { type Refusal, refuse } from './refusal.ts'

export interface IssuedLeaf {
  readonly spiffeId: SpiffeId
  /** DER, leaf first, without the root. */
  readonly chain: readonly Buffer[]
  /** DER, the roots of the trust domain. */
  readonly trustBundle: readonly Buffer[]
  readonly trustDomain: TrustDomain
  /** Unix time in milliseconds. */
  readonly notAfterMs: number
}

export interface Authority {
  readonly trustDomain: TrustDomain
  readonly rootDer: Buffer
  /** What a join token pins. */
  readonly rootPin: string
  /**
   * Signs a request of a caller that has been attested as `identity`, and only for that identity. `workload`, its own word, says which of its
   * replicas asks; it counts for the limits alone.
   */
  sign(csr: Buffer, identity: SpiffeId, workload?: string): Result<IssuedLeaf, Refusal>
  /** A fresh leaf with its key for the control plane itself, by these DNS names, too. */
  issueOwn(dnsNames?: readonly string[]): Result<IssuedLeaf & { readonly privateKeyPem: string }, Refusal>
}

export interface AuthorityOptions {
  /** Where the root lies: `<data-dir>/ca`. */
  readonly dir: string
  /** Whether this is the very first start. A root that is gone from an older mesh is never made anew: nobody would trust it. */
  readonly storeIsNew: boolean
  readonly trustDomain: TrustDomain
  readonly clock: Clock
  /**
   * How long a leaf lives, in milliseconds.
   * @default 24 h, as Istio and Linkerd
   */
  readonly leafLifeMs?: number
}

/** Of a caller's own text, in answers and logs. */
const QUOTED_CHARACTERS_MAX = 256
/** Two DNS labels and a slash, and to spare. */
const WORKLOAD_CHARACTERS_MAX = 253
const LEAF_LIFE_MS_DEFAULT = 24 * 3_600_000

/** Opens the root in a directory, or makes it on the very first start. */
export function openAuthority(options: AuthorityOptions): Result<Authority, string> {
  const { dir, storeIsNew, trustDomain, clock } = options
  if (!hasCaDir(dir) && !storeIsNew) {
    return err(
      `Cannot start the certificate authority: ${dir} holds no CA, but the mesh's store does exist; ` +
        'put the CA back from its backup, or begin a new mesh with an empty data directory',
    )
  }
  const ca = hasCaDir(dir) ? loadCaDir(dir) : initCaDir(dir, { trustDomain, nowMs: clock.wallMs() })
  if (!ca.ok) return ca
  if (ca.value.trustDomain !== trustDomain) {
    return err(
      `Cannot start the certificate authority: the CA in ${dir} is for the trust domain "${ca.value.trustDomain}", ` +
        `not "${trustDomain}"; set the trust domain to the CA's`,
    )
  }
  return ok(authorityOf(ca.value, clock, options.leafLifeMs ?? LEAF_LIFE_MS_DEFAULT))
}

function authorityOf(ca: TrustedCa, clock: Clock, lifeMs: number): Authority {
  const limits = csrLimits()
  const own = controlPlaneSpiffeId(ca.trustDomain)

  function issue(
    publicKeySpkiDer: Buffer,
    spiffeId: SpiffeId,
    dnsNames: readonly string[],
  ): Result<IssuedLeaf, Refusal> {
    const nowMs = clock.wallMs()
    if (nowMs >= ca.notAfterMs)
      return refuse('failed-precondition', 'Cannot sign the certificate: the CA itself has ended')
    const leaf = signLeaf({
      caCertificateDer: ca.certificateDer,
      caPrivateKeyPem: ca.privateKeyPem,
      publicKeySpkiDer,
      spiffeId,
      dnsNames,
      lifeMs,
      nowMs,
    })
    const facts = parseCertificate(leaf)
    return ok({
      spiffeId,
      chain: [leaf],
      trustBundle: [ca.certificateDer],
      trustDomain: ca.trustDomain,
      notAfterMs: facts.ok ? facts.value.notAfterMs : nowMs,
    })
  }

  return {
    trustDomain: ca.trustDomain,
    rootDer: ca.certificateDer,
    rootPin: spkiSha256(ca.certificateDer),
    sign(csr, identity, workload = '') {
      const named = workloadOf(identity)
      if (named === undefined || trustDomainOf(identity) !== ca.trustDomain || identity === own) {
        return refuse('permission-denied', `Cannot sign the certificate: ${identity} is not a workload of this mesh`)
      }
      if (workload.length > WORKLOAD_CHARACTERS_MAX) {
        return refuse('invalid-argument', `Cannot sign the certificate: "${workload.slice(0, 64)}..." is no workload`)
      }
      if (!limits.take(identity, workload, clock.nowMs())) {
        return refuse('resource-exhausted', 'Cannot sign the certificate: too many requests; try again in a second')
      }
      const facts = parseCsr(csr)
      if (!facts.ok) return refuse('invalid-argument', facts.error)
      const excess = excessOf(facts.value, identity)
      if (excess !== undefined) return refuse('permission-denied', `Cannot sign the certificate: ${excess}`)
      return issue(facts.value.publicKeySpkiDer, identity, dnsNamesOf(named.namespace, named.serviceAccount))
    },
    issueOwn(dnsNames = []) {
      const keys = makeKeyPair()
      const leaf = issue(keys.publicKeySpkiDer, own, [CONTROL_PLANE_DNS_NAME, ...dnsNames])
      return leaf.ok ? ok({ ...leaf.value, privateKeyPem: keys.privateKeyPem }) : leaf
    },
  }
}

/** What a request asks for beyond the attested identity. Such a request is refused whole, not cut down: its sender is up to something. */
function excessOf(facts: CsrFacts, identity: SpiffeId): string | undefined {
  if (facts.asksForCa) return 'the request asks for a CA'
  if (facts.uriSans.length !== 1) return `the request names ${facts.uriSans.length} URIs, and must name exactly one`
  const quoted = facts.uriSans[0]?.slice(0, QUOTED_CHARACTERS_MAX)
  if (facts.uriSans[0] !== identity) return `the request names "${quoted}", but its sender is ${identity}`
  if (facts.dnsSans.length + facts.otherSanTags.length > 0) return 'the request names more than a SPIFFE ID'
  return undefined
}
