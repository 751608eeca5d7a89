import { get } from 'node:http'
import { SERVICE_HOST } from './plan.ts'
import type { Program } from './workspace.ts'

const START_TIMEOUT_MS = 10_000
const ASK_AGAIN_MS = 50

/** Waits until a request to `url` is answered with 200; rejects when a program ends, or after ten seconds, with its last words. */
export async function waitUntilAnswers(url: string, programs: readonly Program[]): Promise<void> {
  const endMs = performance.now() + START_TIMEOUT_MS
  for (;;) {
    const status = await statusOf(url)
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
    const request = get(url, { headers: { host: SERVICE_HOST }, agent: false, timeout: 1_000 }, response => {
      response.resume()
      resolve(response.statusCode ?? 0)
    })
    request.on('timeout', () => request.destroy(new Error('timeout')))
    request.on('error', error => resolve(error.message))
  })
}
