import { createSecureContext } from 'node:tls'
import { type ChannelCredentials, type Client, credentials, type ServiceError, status } from '@grpc/grpc-js'
import { CONTROL_PLANE_DNS_NAME } from '../../../certs/mod.ts'
import { loadDiscovery, loadIdentity } from '../../../proto/mod.ts'
import type { Shown } from '../pki.ts'
import type { Fleet } from './fleet.ts'

// A gRPC client that shows whatever it likes, and says what it got.

/** The name of a status, or `OK`. */
export type Outcome = keyof typeof status

export interface EnrolAsk {
  readonly csr: Buffer
  readonly joinToken?: string
  readonly workload?: string
}

export interface Answered {
  readonly outcome: Outcome
  readonly details: string
  /** DER, leaf first. */
  readonly chain: readonly Buffer[]
}

const DEADLINE_MS = 8_000
const OPTIONS = {
  'grpc.ssl_target_name_override': CONTROL_PLANE_DNS_NAME,
  'grpc.enable_http_proxy': 0,
  // One answer for each channel: a refused handshake is not tried again.
  'grpc.initial_reconnect_backoff_ms': 60_000,
}

export function enrol(fleet: Fleet, ask: EnrolAsk): Promise<Answered> {
  const { Enrolment } = loadIdentity()
  const client = new Enrolment(`127.0.0.1:${fleet.ports.enrolment}`, trust(fleet, undefined), OPTIONS)
  return answered(client, callback => client.enrol(ask, { deadline: Date.now() + DEADLINE_MS }, callback))
}

export function renew(fleet: Fleet, shown: Partial<Shown>, csr: Buffer): Promise<Answered> {
  const { Renewal } = loadIdentity()
  const client = new Renewal(`127.0.0.1:${fleet.ports.discovery}`, trust(fleet, shown), OPTIONS)
  return answered(client, callback => client.renew({ csr }, { deadline: Date.now() + DEADLINE_MS }, callback))
}

/** A discovery stream: what ended it, and how long after its beginning. It says nothing by itself but `hello`. */
export function stream(
  fleet: Fleet,
  shown: Partial<Shown>,
  workload: string,
): Promise<{
  readonly outcome: Outcome
  readonly details: string
  readonly messages: number
  readonly lastedMs: number
}> {
  const { Discovery } = loadDiscovery()
  const client = new Discovery(`127.0.0.1:${fleet.ports.discovery}`, trust(fleet, shown), OPTIONS)
  const began = performance.now()
  return new Promise(resolve => {
    let messages = 0
    const call = client.stream()
    call.on('data', () => {
      messages++
    })
    call.on('error', (error: ServiceError) => {
      client.close()
      const lastedMs = performance.now() - began
      resolve({ outcome: status[error.code] as Outcome, details: error.details, messages, lastedMs })
    })
    const serviceAccount = workload.slice(workload.indexOf('/') + 1).replace(/-[0-9]+$/, '')
    const registration = { address: '127.0.0.1', serviceAccount }
    call.write({ hello: { protocolVersion: 1, workload, programVersion: '0.0.0-test', registration } })
  })
}

/** Server TLS with the fleet's root; with a client certificate where one is shown. */
function trust(fleet: Fleet, shown: Partial<Shown> | undefined): ChannelCredentials {
  const context = createSecureContext({ ca: fleet.rootPem, ...shown, ciphers: 'DEFAULT@SECLEVEL=0' })
  return credentials.createFromSecureContext(context, {})
}

type Callback = (error: ServiceError | null, answer?: { readonly chain: readonly Buffer[] }) => void

function answered(client: Client, call: (callback: Callback) => void): Promise<Answered> {
  return new Promise(resolve => {
    call((error, answer) => {
      client.close()
      if (error === null) resolve({ outcome: 'OK', details: '', chain: answer?.chain ?? [] })
      else resolve({ outcome: status[error.code] as Outcome, details: error.details, chain: [] })
    })
  })
}
