import {
  type ServerUnaryCall,
  type ServiceDefinition,
  type sendUnaryData,
  status,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js'
import type { Result } from '../../common/mod.ts'
import {
  type EnrolmentHandlers,
  loadIdentity,
  type RenewalHandlers,
  type SignedCertificate__Output,
} from '../../proto/mod.ts'
import type { IssuedLeaf } from './authority.ts'
import type { Refusal, RefusalCode } from './refusal.ts'

/** What `server.addService` takes. */
export interface WireService {
  readonly definition: ServiceDefinition
  readonly implementation: UntypedServiceImplementation
}

export interface EnrolmentRequest {
  readonly csr: Buffer
  /** `undefined`: the caller shows none. */
  readonly joinToken: string | undefined
  readonly workload: string
}

export interface RenewalRequest {
  readonly csr: Buffer
  readonly workload: string
}

type Call = Pick<ServerUnaryCall<unknown, unknown>, 'getAuthContext'>
type Answer = Promise<Result<IssuedLeaf, Refusal>>

const STATUS_OF: Readonly<Record<RefusalCode, status>> = {
  unauthenticated: status.UNAUTHENTICATED,
  'permission-denied': status.PERMISSION_DENIED,
  'invalid-argument': status.INVALID_ARGUMENT,
  'resource-exhausted': status.RESOURCE_EXHAUSTED,
  'failed-precondition': status.FAILED_PRECONDITION,
  unavailable: status.UNAVAILABLE,
}

/** The service `Enrolment`; `enrol` never rejects. */
export function enrolmentHandlers(enrol: (request: EnrolmentRequest) => Answer): WireService {
  const implementation: EnrolmentHandlers = {
    Enrol: ({ request }, callback) => {
      const { csr, joinToken, workload } = request
      send(enrol({ csr, joinToken, workload }), callback)
    },
  }
  return { definition: loadIdentity().Enrolment.service, implementation }
}

/** The service `Renewal`; `renew` never rejects. */
export function renewalHandlers(renew: (request: RenewalRequest, call: Call) => Answer): WireService {
  const implementation: RenewalHandlers = {
    Renew: (call, callback) => send(renew(call.request, call), callback),
  }
  return { definition: loadIdentity().Renewal.service, implementation }
}

function send(answer: Answer, callback: sendUnaryData<SignedCertificate__Output>): void {
  void answer.then(leaf => {
    if (leaf.ok) callback(null, encode(leaf.value))
    else callback({ code: STATUS_OF[leaf.error.code], details: leaf.error.message })
  })
}

function encode(leaf: IssuedLeaf): SignedCertificate__Output {
  return { chain: [...leaf.chain], trustBundle: [...leaf.trustBundle], trustDomain: leaf.trustDomain }
}
