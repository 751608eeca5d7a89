import type { IncomingMessage, RequestOptions } from 'node:http'
import type { ProbeAnswer } from './ask.ts'
import type { ProbeTarget } from './table.ts'

type HttpTarget = Extract<ProbeTarget, { kind: 'http' }>

/** As the kubelet follows redirects to the same host. */
const REDIRECTS_MAX = 10
const KUBELET = 'kube-probe/selvedge'

/** A status from 200 to 399 is well. HTTPS is taken without a look at the certificate: the kubelet does so, too. */
export async function askHttp(host: string, target: HttpTarget): Promise<ProbeAnswer> {
  const endMs = performance.now() + target.timeoutMs
  // Loaded by those alone that ask so: a sidecar carries traffic without it.
  const { request } = target.tls ? await import('node:https') : await import('node:http')
  const send = (options: RequestOptions, answered: (response: IncomingMessage) => void) => request(options, answered)
  let path = target.path.startsWith('/') ? target.path : `/${target.path}`
  for (let redirects = 0; redirects <= REDIRECTS_MAX; redirects++) {
    const answer = await ask(send, host, target, path, endMs - performance.now())
    if ('well' in answer) return answer
    const next = elsewhere(answer.location, host, target, path)
    // Where it leads away, the kubelet is content, too.
    if (next === undefined) return { well: true, why: 'ok' }
    path = next
  }
  return { well: false, why: `port ${target.port}: it redirects without end` }
}

type Send = (
  options: RequestOptions,
  answered: (response: IncomingMessage) => void,
) => ReturnType<typeof import('node:http').request>

function ask(
  send: Send,
  host: string,
  { port, headers }: HttpTarget,
  path: string,
  timeoutMs: number,
): Promise<ProbeAnswer | { readonly location: string }> {
  return new Promise(resolve => {
    const failed = (error: NodeJS.ErrnoException): void =>
      end({ well: false, why: `port ${port}: ${error.code ?? error.message}` })
    let end = (answer: ProbeAnswer | { readonly location: string }): void => resolve(answer)
    const timer = setTimeout(
      () => end({ well: false, why: `port ${port} does not answer in time` }),
      Math.max(1, timeoutMs),
    )
    try {
      const given = Object.fromEntries(headers)
      const fields = { 'user-agent': KUBELET, accept: '*/*', connection: 'close', ...given }
      const asked = send({ host, port, path, headers: fields, agent: false, ...UNCHECKED }, response => {
        const { statusCode = 0 } = response
        const { location } = response.headers
        if (statusCode >= 300 && statusCode < 400 && location !== undefined) end({ location })
        else if (statusCode >= 200 && statusCode < 400) end({ well: true, why: 'ok' })
        else end({ well: false, why: `port ${port} answers ${statusCode}` })
      })
      end = answer => {
        clearTimeout(timer)
        asked.destroy()
        resolve(answer)
      }
      // What comes after the end is nobody's.
      asked.on('error', failed)
      asked.end()
    } catch (thrown) {
      // A header that cannot be sent.
      clearTimeout(timer)
      resolve({ well: false, why: thrown instanceof Error ? thrown.message : String(thrown) })
    }
  })
}

const UNCHECKED = { rejectUnauthorized: false }

/** The path at the same place that a redirect leads to; `undefined`: somewhere else. */
function elsewhere(location: string, host: string, { tls, port }: HttpTarget, path: string): string | undefined {
  const shown = host.includes(':') ? `[${host}]` : host
  const base = `${tls ? 'https' : 'http'}://${shown}:${port}`
  if (!URL.canParse(location, `${base}${path}`)) return undefined
  const url = new URL(location, `${base}${path}`)
  return url.origin === new URL(base).origin ? `${url.pathname}${url.search}` : undefined
}
