import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import { err, ok, type Result } from '../../common/mod.ts'
import { readBody, type TlsIdentity, type TlsSource } from '../api/mod.ts'
import type { Admission, AdmissionResult } from './admission.ts'

export interface AdmissionServerOptions {
  readonly admission: Admission
  /** The certificate, followed as it is renewed. The caller is not asked for one: what a review may do, anybody may see. */
  readonly tls: TlsSource
  /** Told of each review; `malformed` stands for what was none. */
  answered(result: AdmissionResult | 'malformed'): void
  readonly log: {
    info(fields: object, message: string): void
    warn(fields: object, message: string): void
    error(fields: object, message: string): void
  }
}

/** Where the API server posts its reviews. */
const PATH = '/inject'
/** A head or a body that takes longer has been given up by the API server, which waits 10 s by default and 30 s at most. */
const REQUEST_TIMEOUT_MS = 10_000
/** Node looks every 30 s by default: so long, connections without a word could keep the API server out. */
const CHECKING_MS = 1_000
/** The API servers of a cluster are few, and each keeps few connections. */
const CONNECTIONS_MAX = 256
/** Of a subject or a reason, in the log. */
const LOGGED_CHARACTERS_MAX = 300

/** Serves reviews over HTTPS. Not listening yet. */
export function admissionServer(options: AdmissionServerOptions): Server {
  const { tls } = options
  const server = createServer(
    { ...contextOf(tls.current()), connectionsCheckingInterval: CHECKING_MS },
    (request, response) => {
      answer(options, request)
        .catch((error: unknown) => {
          // A caller that goes away in mid-body is no fault of anybody's here.
          if (!request.destroyed || request.complete)
            options.log.error({ err: error }, 'a review ended with an exception')
          return FAULT
        })
        .then(result => send(response, result))
    },
  )
  server.headersTimeout = REQUEST_TIMEOUT_MS
  server.requestTimeout = REQUEST_TIMEOUT_MS
  server.maxConnections = CONNECTIONS_MAX
  server.once(
    'close',
    tls.onChange(identity => server.setSecureContext(contextOf(identity))),
  )
  return server
}

interface Failure {
  readonly code: number
  readonly message: string
}

const FAULT = err<Failure>({ code: 500, message: 'Cannot answer: the control plane has a fault. Its log tells more.' })

async function answer(options: AdmissionServerOptions, request: IncomingMessage): Promise<Result<unknown, Failure>> {
  const path = request.url?.split('?', 1)[0]
  if (path !== PATH) return err({ code: 404, message: `Cannot find this: reviews are posted to ${PATH}.` })
  if (request.method !== 'POST') return err({ code: 405, message: 'Cannot answer this: reviews are posted.' })
  const malformed = (code: number, message: string): Result<unknown, Failure> => {
    options.answered('malformed')
    options.log.warn({ why: message.slice(0, LOGGED_CHARACTERS_MAX) }, 'Refused a review: it is malformed')
    return err({ code, message })
  }
  const text = await readBody(request, ['application/json'])
  if (!text.ok) return malformed(text.error.code, text.error.message)
  let body: unknown
  try {
    body = JSON.parse(text.value)
  } catch {
    return malformed(400, 'Cannot read the review: it is not JSON. Send an AdmissionReview.')
  }
  const review = options.admission.review(body)
  if (!review.ok) return malformed(400, review.error)
  const { result, why } = review.value
  const subject = review.value.subject.slice(0, LOGGED_CHARACTERS_MAX)
  options.answered(result)
  if (result === 'refused') options.log.warn({ subject, why: why?.slice(0, LOGGED_CHARACTERS_MAX) }, 'Refused a pod')
  else if (result !== 'ignored')
    options.log.info({ subject, result, ...(why === undefined ? {} : { why }) }, 'Reviewed a pod')
  return ok(review.value.body)
}

function send(response: ServerResponse, result: Result<unknown, Failure>): void {
  if (response.headersSent || response.destroyed) return
  const [code, type, text] = result.ok
    ? [200, 'application/json', JSON.stringify(result.value)]
    : [result.error.code, 'text/plain; charset=utf-8', `${result.error.message}\n`]
  const body = Buffer.from(text)
  if (!result.ok && result.error.code === 405) response.setHeader('allow', 'POST')
  // What is left of a body that nobody reads must not be taken for the next request.
  if (!response.req.complete) response.setHeader('connection', 'close')
  response.writeHead(code, { 'content-type': type, 'content-length': body.length, 'cache-control': 'no-store' })
  response.end(body)
}

function contextOf({ chainPem, privateKeyPem }: TlsIdentity) {
  return { cert: chainPem, key: privateKeyPem, minVersion: 'TLSv1.3' as const }
}
