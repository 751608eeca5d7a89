import { createSecureContext } from 'node:tls'
import { type Client, credentials, type ServiceError, status } from '@grpc/grpc-js'
import { controlPlaneSpiffeId, toPem } from '../../certs/mod.ts'
import { type Clock, err, ok, type Result } from '../../common/mod.ts'
import { loadIdentity, type SignedCertificate__Output } from '../../proto/mod.ts'
import { CONTROL_PLANE_CHANNEL_OPTIONS, discoveryChannelCredentials } from './discovery-channel.ts'
import type { EnrolmentFault } from './fault.ts'
import type { Svid } from './identity.ts'
import type { Issued } from './make-svid.ts'
import type { PinnedRoot } from './root-pin.ts'
import { serverFault } from './tls-options.ts'

type Answer = Promise<Result<Issued, EnrolmentFault>>
type Callback = (error: ServiceError | null, answer?: SignedCertificate__Output) => void

/** Handshake, token, signature: milliseconds; a control plane that is slower is as good as away. */
const DEADLINE_MS = 10_000

/** Another try may succeed with these; every other status is the control plane's considered answer. */
const AWAY: ReadonlySet<status> = new Set([
  status.UNAVAILABLE,
  status.DEADLINE_EXCEEDED,
  status.RESOURCE_EXHAUSTED,
  status.CANCELLED,
  status.ABORTED,
  status.INTERNAL,
  status.UNKNOWN,
])

export interface EnrolmentRequest {
  readonly csr: Buffer
  readonly joinToken: string
  readonly workload: string
}

/** Both calls of the identity protocol, each on a connection of its own: they are hours apart. */
export interface IdentityClient {
  /** Server TLS with the pinned root as the only one trusted; the server must be the control plane. */
  enrol(address: string, root: PinnedRoot, request: EnrolmentRequest): Answer
  /** mTLS with the certificate that is to be renewed. */
  renew(address: string, svid: Svid, request: { readonly csr: Buffer; readonly workload: string }): Answer
}

/** Parses the .proto: call once. */
export function identityClient(clock: Clock): IdentityClient {
  const { Enrolment, Renewal } = loadIdentity()
  return {
    enrol(address, root, request) {
      const expected = controlPlaneSpiffeId(root.trustDomain)
      const context = createSecureContext({ ca: toPem('CERTIFICATE', root.rootDer), minVersion: 'TLSv1.3' })
      const trust = credentials.createFromSecureContext(context, {
        checkServerIdentity: (_host, certificate) => serverFault(certificate, root, expected, clock),
      })
      const client = new Enrolment(address, trust, CONTROL_PLANE_CHANNEL_OPTIONS)
      return answerOf(client, callback => client.enrol(request, { deadline: deadline() }, callback))
    },
    renew(address, svid, request) {
      const client = new Renewal(address, discoveryChannelCredentials(svid, clock), CONTROL_PLANE_CHANNEL_OPTIONS)
      return answerOf(client, callback => client.renew(request, { deadline: deadline() }, callback))
    },
  }
}

function deadline(): number {
  return Date.now() + DEADLINE_MS
}

function answerOf(client: Client, call: (callback: Callback) => void): Answer {
  return new Promise(resolve => {
    call((error, answer) => {
      client.close()
      if (error !== null) resolve(err(faultOf(error)))
      else resolve(ok({ chain: answer?.chain ?? [], trustBundle: answer?.trustBundle ?? [] }))
    })
  })
}

function faultOf(error: ServiceError): EnrolmentFault {
  if (!AWAY.has(error.code)) return { kind: 'refused', message: error.details }
  return { kind: 'away', message: `Cannot reach the control plane: ${error.details}` }
}
