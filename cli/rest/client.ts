import { Agent, type Dispatcher, request } from 'undici'
import { CONTROL_PLANE_DNS_NAME } from '../../certs/mod.ts'
import { CliFailure, codeOf, messageOf } from '../failure.ts'

/** Where the control plane's REST API is, and the token that opens it. */
export interface Server {
  readonly url: string
  readonly token: string | undefined
  /** PEM of the mesh's own CA, which then is the only one that is believed; `undefined`: the system's CAs. */
  readonly ca?: string | undefined
}

export interface Call<T> {
  /** What the answer has at least, if it is one of a control plane: other servers answer too. */
  readonly fields: readonly (keyof T & string)[]
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** Sent as JSON. */
  readonly json?: unknown
  /** How long the answer's head may take; more for calls that wait on purpose. */
  readonly timeoutMs?: number
}

/** The control plane refused; `status` is the HTTP status, so that a caller can tell "not there" from "wrong". */
export class ApiFailure extends CliFailure {
  readonly status: number

  constructor(message: string, status: number) {
    super(message)
    this.status = status
  }
}

/** Nobody answers, or what answered has broken off: it may be there again in a moment. */
export class UnreachableFailure extends CliFailure {}

/** No answer within this time counts as a control plane that hangs. */
const ANSWER_TIMEOUT_MS = 10_000
/** A whole answer's body: one that comes drop by drop never ends otherwise. */
const BODY_TIMEOUT_MS = 15_000
/** An answer larger than this is not one that a person asked for. */
const ANSWER_BYTES_MAX = 64 * 1024 * 1024

/** What the system's codes say to a person. */
const WHY: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  UND_ERR_HEADERS_TIMEOUT: 'it does not answer',
  UND_ERR_BODY_TIMEOUT: 'its answer does not end',
  ...Object.fromEntries(
    ['SELF_SIGNED_CERT_IN_CHAIN', 'DEPTH_ZERO_SELF_SIGNED_CERT', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'].map(code => [
      code,
      "its certificate is of a CA that nobody here knows; give the mesh's own with --ca FILE (ca/ca.crt in its data folder)",
    ]),
  ),
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificate is not of the CA that --ca names',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is that of another server',
  CERT_HAS_EXPIRED: 'its certificate has expired',
}

/** Speaks REST with one control plane, over kept-alive connections. */
export class ApiClient {
  readonly server: Server
  readonly #agent: Agent

  constructor(server: Server) {
    this.server = server
    // Pinned as a join token pins it: of that CA, and by the control plane's own name, wherever it listens.
    const trust = server.ca === undefined ? {} : { ca: server.ca, servername: CONTROL_PLANE_DNS_NAME }
    this.#agent = new Agent({ connections: 4, connect: { timeout: 3_000, ...trust } })
  }

  /** The JSON answer; anything but a 2xx is thrown as `ApiFailure`, in the control plane's own words. */
  async call<T>(path: string, options: Call<T>): Promise<T> {
    let status: number
    let text: string
    try {
      const answer = await request(new URL(path, this.server.url), {
        dispatcher: this.#agent,
        method: options.method ?? 'GET',
        headers: this.#headers(options),
        body: options.json === undefined ? null : JSON.stringify(options.json),
        headersTimeout: options.timeoutMs ?? ANSWER_TIMEOUT_MS,
        bodyTimeout: ANSWER_TIMEOUT_MS,
        signal: AbortSignal.timeout((options.timeoutMs ?? ANSWER_TIMEOUT_MS) + BODY_TIMEOUT_MS),
      })
      status = answer.statusCode
      text = await bodyText(answer.body)
    } catch (thrown) {
      throw this.#unreachable(thrown)
    }
    const body = parseJson(text)
    if (status < 200 || status >= 300) throw this.#refused(status, body)
    if (isRecord(body) && options.fields.every(field => Object.hasOwn(body, field))) return body as T
    throw this.#stranger(`what it answers to ${path.split('?', 1)[0]} is not what a control plane answers`)
  }

  /** The lines of an answer that goes on, each as JSON, until the control plane or `signal` ends it. */
  async *lines(path: string, signal?: AbortSignal): AsyncGenerator<unknown> {
    let rest = ''
    try {
      const answer = await request(new URL(path, this.server.url), {
        dispatcher: this.#agent,
        headers: this.#headers({}),
        headersTimeout: ANSWER_TIMEOUT_MS,
        // It says something when there is something to say.
        bodyTimeout: 0,
        ...(signal === undefined ? {} : { signal }),
      })
      if (answer.statusCode !== 200) throw this.#refused(answer.statusCode, parseJson(await bodyText(answer.body)))
      const decoder = new TextDecoder()
      for await (const chunk of answer.body as AsyncIterable<Buffer>) {
        const parts = (rest + decoder.decode(chunk, { stream: true })).split('\n')
        rest = parts.pop() ?? ''
        if (rest.length > ANSWER_BYTES_MAX) throw this.#stranger('a line of its answer does not end')
        for (const part of parts) yield parseJson(part)
      }
    } catch (thrown) {
      if (signal?.aborted === true) return
      throw this.#unreachable(thrown)
    }
  }

  async close(): Promise<void> {
    await this.#agent.destroy()
  }

  #headers(options: Pick<Call<unknown>, 'json'>): Record<string, string> {
    return {
      accept: 'application/json',
      ...(this.server.token === undefined ? {} : { authorization: `Bearer ${this.server.token}` }),
      ...(options.json === undefined ? {} : { 'content-type': 'application/json' }),
    }
  }

  #unreachable(thrown: unknown): CliFailure {
    if (thrown instanceof CliFailure) return thrown
    const why = whyUnreachable(thrown)
    return new UnreachableFailure(
      `Cannot reach the control plane at ${this.server.url}: ${why}. Start one with "selvedge up", or name another with --server`,
    )
  }

  #refused(status: number, body: unknown): ApiFailure {
    if (status === 401) {
      return new ApiFailure(
        `Cannot use the control plane at ${this.server.url}: the token is missing, wrong or expired. Give its own with --token or SELVEDGE_TOKEN; it lies in admin.token in its data folder`,
        status,
      )
    }
    const reason = statusText(body)
    if (reason === undefined) throw this.#stranger(`it answers with status ${status} and no reason`)
    return new ApiFailure(reason, status)
  }

  #stranger(state: string): CliFailure {
    return new CliFailure(
      `Cannot use ${this.server.url}: ${state}. See that --server, or the context file, names the REST address of a control plane`,
    )
  }
}

async function bodyText(body: Dispatcher.ResponseData['body']): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of body as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > ANSWER_BYTES_MAX) throw new CliFailure('Cannot read the answer: it has more than 64 MiB; ask for less')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function whyUnreachable(thrown: unknown): string {
  const code = codeOf(thrown) ?? ''
  if (code.startsWith('ERR_SSL_')) return 'it speaks no TLS; see whether http:// is meant'
  if (thrown instanceof Error && thrown.name === 'TimeoutError') return 'its answer does not end'
  return WHY[code] ?? firstLine(messageOf(thrown))
}

/** OpenSSL's words have lines. */
function firstLine(text: string): string {
  return text.trim().split('\n', 1)[0]?.replace(/\.$/, '') ?? ''
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function statusMessage(body: unknown): string | undefined {
  return isRecord(body) && typeof body.message === 'string' ? body.message : undefined
}

/** A Kubernetes `Status`: its message, then each cause that the message does not already tell, on a line of its own. */
function statusText(body: unknown): string | undefined {
  const message = statusMessage(body)
  if (message === undefined || !isRecord(body)) return message
  const details = body.details
  const causes = isRecord(details) && Array.isArray(details.causes) ? details.causes : []
  const lines = causes.flatMap(cause => {
    if (!isRecord(cause) || typeof cause.message !== 'string' || message.includes(cause.message)) return []
    const field = typeof cause.field === 'string' && cause.field !== '' ? `${cause.field}: ` : ''
    return [`  ${field}${cause.message}`]
  })
  return [message, ...lines].join('\n')
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
