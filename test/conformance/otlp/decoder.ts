import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

/** A span as the published protobufs decode it. */
export interface DecodedSpan {
  readonly traceId: string
  readonly spanId: string
  /** Empty for a root. */
  readonly parentSpanId: string
  readonly traceState: string
  readonly flags: number
  readonly name: string
  readonly kind: `SPAN_KIND_${string}`
  /** Unix time in nanoseconds. */
  readonly start: string
  readonly end: string
  readonly attributes: Readonly<Record<string, string | number | boolean>>
  readonly status: 'STATUS_CODE_UNSET' | 'STATUS_CODE_OK' | 'STATUS_CODE_ERROR'
  readonly message: string
  readonly scope: { readonly name: string; readonly version: string }
  readonly resource: Readonly<Record<string, string>>
}

/** Reads OTLP requests with OpenTelemetry's own protobufs, in a Python beside this process. */
export interface OtlpDecoder {
  decode(request: Buffer): Promise<readonly DecodedSpan[]>
  close(): void
}

/** The first time it fetches two small packages; after that they are in the user's cache. */
const PREPARE_MS = 25_000

export async function otlpDecoder(): Promise<OtlpDecoder> {
  const python = await preparedPython()
  const child = spawn(python, [fileURLToPath(new URL('decode.py', import.meta.url))], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const waiting: { resolve(spans: readonly DecodedSpan[]): void; reject(error: Error): void }[] = []
  createInterface(child.stdout).on('line', line => {
    const answer = JSON.parse(line) as { readonly spans?: readonly DecodedSpan[]; readonly error?: string }
    const next = waiting.shift()
    if (answer.spans !== undefined) next?.resolve(answer.spans)
    else next?.reject(new Error(`Cannot decode what came as OTLP: ${answer.error}`))
  })
  const ended = endOf(child)
  void ended.then(why => {
    for (const { reject } of waiting.splice(0)) reject(new Error(`Cannot decode OTLP: the decoder has ended (${why})`))
  })
  return {
    decode: request =>
      new Promise((resolve, reject) => {
        waiting.push({ resolve, reject })
        child.stdin.write(`${request.toString('base64')}\n`)
      }),
    close: () => child.kill(),
  }
}

async function preparedPython(): Promise<string> {
  const script = fileURLToPath(new URL('prepare.sh', import.meta.url))
  try {
    const { stdout } = await promisify(execFile)('sh', [script], { timeout: PREPARE_MS })
    return stdout.trim()
  } catch (error) {
    throw new Error(
      'Cannot decode OTLP: this test reads it with the protobufs that OpenTelemetry publishes for Python. Install python3 with venv (Debian: apt-get install python3-venv), and run test/conformance/otlp/prepare.sh once while pip reaches its index',
      { cause: error },
    )
  }
}

function endOf(child: ChildProcess): Promise<string> {
  return new Promise(resolve => {
    child.on('error', error => resolve(error.message))
    child.on('exit', (code, signal) => resolve(`${code ?? signal}`))
    child.stdin?.on('error', () => undefined)
  })
}
