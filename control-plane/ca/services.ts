import { type Clock, type Result, type SpiffeId, workloadSpiffeId } from '../../common/mod.ts'
import { attestJoinToken, type TokenRecords } from '../attestation/mod.ts'
import type { Authority, IssuedLeaf } from './authority.ts'
import { type PeerIdentity, peerIdentity } from './peer-identity.ts'
import { type Refusal, type RefusalCode, refuse } from './refusal.ts'
import {
  type EnrolmentRequest,
  enrolmentHandlers,
  type RenewalRequest,
  renewalHandlers,
  type WireService,
} from './wire.ts'

/** How a signing request ended, for `selvedge_control_csr_total`. */
export type CsrOutcome = 'issued' | RefusalCode

export interface RenewalOptions {
  readonly authority: Authority
  readonly clock: Clock
  readonly log: { info(message: string): void; warn(message: string): void }
  /** Told once for each request. */
  readonly observe?: (outcome: CsrOutcome) => void
}

export interface EnrolmentOptions extends RenewalOptions {
  readonly tokens: TokenRecords
}

/** For the enrolment port: a first certificate for a caller that shows a join token. */
export function enrolmentService(options: EnrolmentOptions): WireService {
  return enrolmentHandlers(request => answered(options, () => enrol(options, request)))
}

/** For the mTLS port: a fresh certificate for whom the caller's present one names. */
export function renewalService(options: RenewalOptions): WireService {
  return renewalHandlers((request, call) => {
    const rules = { trustDomain: options.authority.trustDomain, nowMs: options.clock.wallMs() }
    return answered(options, async () => renew(options, request, peerIdentity(call, rules)))
  })
}

async function enrol(options: EnrolmentOptions, request: EnrolmentRequest): Promise<Result<IssuedLeaf, Refusal>> {
  const { authority, tokens, clock } = options
  if (request.joinToken === undefined) {
    return refuse('unauthenticated', 'Cannot admit the sidecar: it shows no join token; give it one with --join-token')
  }
  const attested = await attestJoinToken(tokens, request.joinToken, authority.rootPin, clock)
  if (!attested.ok) return refuse('unauthenticated', attested.error)
  const { namespace, serviceAccount } = attested.value
  const identity: SpiffeId = workloadSpiffeId(authority.trustDomain, namespace, serviceAccount)
  const leaf = authority.sign(request.csr, identity, request.workload)
  // What was refused costs no use; what was signed is handed out only if a use was left.
  if (!leaf.ok || (await attested.value.redeem())) return leaf
  return refuse('unauthenticated', 'Cannot admit the sidecar: its join token is used up; make a new one')
}

function renew(
  options: RenewalOptions,
  { csr, workload }: RenewalRequest,
  peer: Result<PeerIdentity, string>,
): Result<IssuedLeaf, Refusal> {
  if (!peer.ok) return refuse('unauthenticated', peer.error)
  return options.authority.sign(csr, peer.value.spiffeId, workload)
}

/** Counts and logs how a request ended. A store that fails is a reason to come back, not to give up. */
async function answered(
  { log, observe }: RenewalOptions,
  run: () => Promise<Result<IssuedLeaf, Refusal>>,
): Promise<Result<IssuedLeaf, Refusal>> {
  let leaf: Result<IssuedLeaf, Refusal>
  try {
    leaf = await run()
  } catch (error) {
    log.warn(`Cannot answer a signing request: ${error instanceof Error ? error.message : String(error)}`)
    leaf = refuse('unavailable', 'Cannot sign the certificate now: the control plane has a fault of its own; try again')
  }
  observe?.(leaf.ok ? 'issued' : leaf.error.code)
  if (leaf.ok) log.info(`signed ${leaf.value.spiffeId} until ${new Date(leaf.value.notAfterMs).toISOString()}`)
  else log.warn(`refused a signing request: ${leaf.error.message}`)
  return leaf
}
