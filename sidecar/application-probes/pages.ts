import { type Exchange, ownHead, pathOf } from '../http/mod.ts'
import { askApplication } from './ask.ts'
import type { ApplicationProbes } from './table.ts'

/** The kubelet asks each once at a time, and once more when it has given up on the one before. */
const AT_ONCE_FOR_EACH = 2

/** Answers for the paths in the table, and leaves all others to `others`. The application is at `host`. */
export function probePages(
  probes: ApplicationProbes,
  host: string,
  others: (x: Exchange) => void,
): (x: Exchange) => void {
  if (probes.size === 0) return others
  let asking = 0
  return x => {
    const target = probes.get(pathOf(x.request.target))
    if (target === undefined || x.request.method !== 'GET') return others(x)
    if (asking >= probes.size * AT_ONCE_FOR_EACH) return answer(x, false, 'asked too often at once')
    asking++
    askApplication(host, target).then(({ well, why }) => {
      asking--
      answer(x, well, why)
    })
  }
}

function answer(x: Exchange, well: boolean, why: string): void {
  const body = Buffer.from(`${why}\n`)
  const [status, reason] = well ? ([200, 'OK'] as const) : ([503, 'Service Unavailable'] as const)
  x.reply(ownHead(status, reason, [['content-type', 'text/plain; charset=utf-8']], body.length), body)
}
