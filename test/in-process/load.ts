import { connect } from 'node:net'

/** What many requests brought back. */
export interface Tally {
  /** Answers by status; 0 counts connections that broke off with a request under way. */
  readonly statuses: ReadonlyMap<number, number>
  /** Answers by body. */
  readonly bodies: ReadonlyMap<string, number>
}

/**
 * Sends the same request `count` times over kept connections, each with one request under way, and counts the answers, which must have
 * a content-length. A connection that ends is made again. Far cheaper than an HTTP client, for tests that count thousands.
 */
export async function sendMany(port: number, head: string, count: number, connections: number): Promise<Tally> {
  const statuses = new Map<number, number>()
  const bodies = new Map<string, number>()
  let left = count
  const lane = async (): Promise<void> => {
    while (left > 0) await runConnection()
  }
  function runConnection(): Promise<void> {
    return new Promise(resolve => {
      const socket = connect({ host: '127.0.0.1', port, noDelay: true })
      let held = ''
      let waiting = false
      const next = (): void => {
        waiting = left > 0
        if (!waiting) socket.destroy()
        else {
          left--
          socket.write(head)
        }
      }
      socket.on('connect', next)
      socket.on('data', chunk => {
        held += chunk.toString('latin1')
        const end = held.indexOf('\r\n\r\n')
        if (end === -1) return
        const length = Number(/content-length: ([0-9]+)/i.exec(held)?.[1])
        if (held.length < end + 4 + length) return
        count1(statuses, Number(held.slice(9, 12)))
        count1(bodies, held.slice(end + 4, end + 4 + length))
        held = ''
        next()
      })
      socket.on('error', () => undefined)
      socket.on('close', () => {
        if (waiting) count1(statuses, 0)
        resolve()
      })
    })
  }
  await Promise.all(Array.from({ length: connections }, lane))
  return { statuses, bodies }
}

function count1<Key>(counts: Map<Key, number>, key: Key): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}
