import { get } from 'node:http'
import { connect } from 'node:http2'
import { SERVICE_HOST } from './plan.ts'
import type { Program } from './workspace.ts'

const START_TIMEOUT_MS = 10_000
const ASK_AGAIN_MS = 50
const ANSWER_TIMEOUT_MS = 1_000

export type Wire = 'http/1.1' | 'h2c'

/** Waits until a request to `url` is answered with 200; rejects when a program ends, or after ten seconds, with its last words. */
export async function waitUntilAnswers(url: string, wire: Wire, programs: readonly Program[]): Promise<void> {
  const endMs = performance.now() + START_TIMEOUT_MS
  for (;;) {
    const status = await (wire === 'h2c' ? statusOverH2c(url) : statusOf(url))
    if (status === 200) return
    const words = programs
      .map(program => program.output())
      .join('\n')
      .trim()
    if (programs.some(program => program.hasEnded())) throw new Error(`it ended: ${words}`)
    if (performance.now() > endMs) throw new Error(`it does not answer (last: ${status}): ${words}`)
    await new Promise(resolve => setTimeout(resolve, ASK_AGAIN_MS))
  }
}

/** The status of one request, or the word for why there is none. */
function statusOf(url: string): Promise<number | string> {
  return new Promise(resolve => {
    const options = { headers: { host: SERVICE_HOST }, agent: false, timeout: ANSWER_TIMEOUT_MS }
    const request = get(url, options, response => {
      response.resume()
      resolve(response.statusCode ?? 0)
    })
    request.on('timeout', () => request.destroy(new Error('timeout')))
    request.on('error', error => resolve(error.message))
  })
}

function statusOverH2c(url: string): Promise<number | string> {
  return new Promise(resolve => {
    const session = connect(url)
    const settle = (result: number | string): void => {
      session.destroy()
      resolve(result)
    }
    session.on('error', error => settle(error.message))
    const request = session.request({ ':path': '/', ':authority': SERVICE_HOST })
    request.setTimeout(ANSWER_TIMEOUT_MS, () => settle('timeout'))
    request.on('response', headers => settle(headers[':status'] ?? 0))
    request.on('error', error => settle(error.message))
    request.on('close', () => settle('the connection ended'))
  })
}
