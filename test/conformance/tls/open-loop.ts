import { connect, type Socket } from 'node:net'

/** What came of a load. */
export interface LoadReport {
  readonly sent: number
  /** Answers that were not 200, and requests that were never answered. */
  readonly failed: number
  /** What the failed ones got: a status with its cause, or how the connection ended. */
  readonly failures: ReadonlyMap<string, number>
  /** Requests that had to wait for a connection: the load was more than the machine could carry in time. */
  readonly late: number
}

/** One turn of the clock: so many requests leave together. */
const TICK_MS = 5
/** Connections of an application's pool. With more requests under way than this, further ones wait. */
const CONNECTIONS_MAX = 256
/** After the last request, for the answers that are still to come. */
const ANSWERS_MS_MAX = 10_000

/**
 * Sends `perSecond` requests a second for `durationMs`, whether or not those before are answered, as many callers who don't know of each
 * other do: a stall is seen by all requests that fall into it. Over kept connections, one request at a time on each. Answers have a content-length.
 */
export async function openLoop(port: number, head: string, perSecond: number, durationMs: number): Promise<LoadReport> {
  const report = { sent: 0, failed: 0, failures: new Map<string, number>(), late: 0 }
  const idle: Lane[] = []
  let lanes = 0
  let waiting = 0
  let underWay = 0
  const failed = (how: string): void => {
    report.failed++
    report.failures.set(how, (report.failures.get(how) ?? 0) + 1)
  }
  const done = (lane: Lane | undefined, how: string): void => {
    underWay--
    if (how !== '200') failed(how)
    if (lane === undefined) lanes--
    else idle.push(lane)
    if (waiting > 0) {
      waiting--
      send()
    }
  }
  function send(): void {
    const lane = idle.pop() ?? (lanes < CONNECTIONS_MAX ? open() : undefined)
    if (lane === undefined) {
      waiting++
      report.late++
      return
    }
    underWay++
    lane.ask(head)
  }
  function open(): Lane {
    lanes++
    const lane: Lane = openLane(
      port,
      how => done(lane, how),
      how => {
        const place = idle.indexOf(lane)
        if (place === -1) done(undefined, how)
        else {
          idle.splice(place, 1)
          lanes--
        }
      },
    )
    return lane
  }

  const began = performance.now()
  await new Promise<void>(resolve => {
    const timer = setInterval(() => {
      const elapsedMs = Math.min(performance.now() - began, durationMs)
      for (const due = Math.floor((elapsedMs * perSecond) / 1000); report.sent < due; ) {
        report.sent++
        send()
      }
      if (elapsedMs < durationMs) return
      clearInterval(timer)
      resolve()
    }, TICK_MS)
  })
  const end = performance.now() + ANSWERS_MS_MAX
  while (underWay + waiting > 0 && performance.now() < end) await new Promise(resolve => setTimeout(resolve, TICK_MS))
  for (let left = underWay + waiting; left > 0; left--) failed('no answer')
  for (const lane of idle) lane.close()
  return report
}

interface Lane {
  ask(head: string): void
  close(): void
}

/** One connection. `answered` gets the status; `ended` is called when the connection has gone, with or without a request under way. */
function openLane(port: number, answered: (status: string) => void, ended: (how: string) => void): Lane {
  let held = ''
  let closing = false
  const socket: Socket = connect({ host: '127.0.0.1', port, noDelay: true })
  socket.on('data', chunk => {
    held += chunk.toString('latin1')
    const end = held.indexOf('\r\n\r\n')
    if (end === -1) return
    const length = Number(/content-length: ([0-9]+)/i.exec(held)?.[1] ?? 0)
    if (held.length < end + 4 + length) return
    const status = held.slice(9, 12)
    const cause = /x-selvedge-cause: (\S+)/i.exec(held)?.[1]
    held = ''
    answered(cause === undefined ? status : `${status} ${cause}`)
  })
  socket.on('error', () => undefined)
  socket.on('close', () => {
    if (!closing) ended('connection ended')
  })
  return {
    ask: head => void socket.write(head),
    close() {
      closing = true
      socket.destroy()
    },
  }
}
