import type { Brand } from './brand.ts'
import { err, ok, type Result } from './result.ts'

/** `spiffe://<trust-domain>/<path>`, checked against the SPIFFE-ID specification, sections 2.1 to 2.4. */
export type SpiffeId = Brand<string, 'SpiffeId'>
/** The name of a trust domain: `[a-z0-9.-_]`, 1 to 255 bytes. */
export type TrustDomain = Brand<string, 'TrustDomain'>

/** SPIFFE-ID, section 2.3: "implementations MUST support URIs up to 2048 bytes". We accept no more. */
const SPIFFE_ID_BYTES_MAX = 2048
const TRUST_DOMAIN = /^[a-z0-9._-]{1,255}$/
const SEGMENT = /^[a-zA-Z0-9._-]+$/

export function parseTrustDomain(text: string): Result<TrustDomain, string> {
  if (!TRUST_DOMAIN.test(text))
    return err(`"${text}" is not a trust domain: use 1 to 255 of a-z, 0-9, ".", "-" and "_"`)
  return ok(text as TrustDomain)
}

/** Accepts the scheme in any case, as the specification asks; what it returns has it in lower case. */
export function parseSpiffeId(text: string): Result<SpiffeId, string> {
  if (text.length > SPIFFE_ID_BYTES_MAX) return err(`a SPIFFE ID has at most ${SPIFFE_ID_BYTES_MAX} bytes`)
  if (text.slice(0, 9).toLowerCase() !== 'spiffe://')
    return err(`"${text}" is not a SPIFFE ID: it must begin with spiffe://`)
  const slash = text.indexOf('/', 9)
  const domain = (slash === -1 ? text.slice(9) : text.slice(9, slash)).toLowerCase()
  if (!TRUST_DOMAIN.test(domain)) return err(`"${text}" is not a SPIFFE ID: "${domain}" is not a trust domain`)
  if (slash === -1) return ok(`spiffe://${domain}` as SpiffeId)
  for (const segment of text.slice(slash + 1).split('/')) {
    if (!SEGMENT.test(segment) || segment === '.' || segment === '..') {
      return err(`"${text}" is not a SPIFFE ID: "${segment}" is not a path segment`)
    }
  }
  return ok(`spiffe://${domain}${text.slice(slash)}` as SpiffeId)
}

/** The ID of a workload: `spiffe://<trust-domain>/ns/<namespace>/sa/<service-account>`. The parts must be DNS labels. */
export function workloadSpiffeId(domain: TrustDomain, namespace: string, serviceAccount: string): SpiffeId {
  return `spiffe://${domain}/ns/${namespace}/sa/${serviceAccount}` as SpiffeId
}

export function trustDomainOf(id: SpiffeId): TrustDomain {
  const slash = id.indexOf('/', 9)
  return (slash === -1 ? id.slice(9) : id.slice(9, slash)) as TrustDomain
}

/** Namespace and service account of a workload's ID; `undefined` when the ID has another form. */
export function workloadOf(id: SpiffeId): { readonly namespace: string; readonly serviceAccount: string } | undefined {
  const [, , , ns, namespace, sa, serviceAccount, ...more] = id.split('/')
  if (ns !== 'ns' || sa !== 'sa' || namespace === undefined || serviceAccount === undefined || more.length > 0)
    return undefined
  return { namespace, serviceAccount }
}
