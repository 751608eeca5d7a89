import { connect } from 'node:net'

/** How often the application's ports are tried: a dead one is noticed, and withdrawn, well within two seconds. */
const INTERVAL_MS = 500
/** What somebody goes by who asks again and again. */
const FRESH_MS = 100
/** Until it answers for the first time, so that it is offered as soon as it is up. */
const EAGER_INTERVAL_MS = 50
const TIMEOUT_MS = 400

export interface ApplicationProbe {
  /** Tries now, where the application was there: something has just gone wrong. */
  hint(): void
  /** Whether any of its ports answered when they were last tried; where that is some time ago, they are tried again. */
  answers(): boolean
  close(): void
}

/** Watches whether the application's ports answer. `changed` is told each change, and begins with nobody ready. */
export function probeApplication(
  host: string,
  ports: readonly number[],
  changed: (ready: boolean) => void,
): ApplicationProbe {
  let ready = false
  let answering = true
  let triedMs = performance.now()
  let closed = false
  let probing = false
  let timer: NodeJS.Timeout | undefined

  async function probe(): Promise<void> {
    if (probing || closed) return
    probing = true
    clearTimeout(timer)
    const answers = await Promise.all(ports.map(port => answersOn(host, port)))
    probing = false
    triedMs = performance.now()
    answering = answers.some(Boolean)
    if (closed) return
    const now = answers.every(Boolean)
    if (now !== ready) {
      ready = now
      changed(ready)
    }
    timer = setTimeout(() => void probe(), ready ? INTERVAL_MS : EAGER_INTERVAL_MS)
    timer.unref()
  }

  void probe()
  return {
    hint: () => {
      if (ready) void probe()
    },
    answers: () => {
      if (performance.now() - triedMs >= FRESH_MS) void probe()
      return answering
    },
    close: () => {
      closed = true
      clearTimeout(timer)
    },
  }
}

function answersOn(host: string, port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect({ host, port })
    const end = (answer: boolean): void => {
      socket.destroy()
      resolve(answer)
    }
    // Timers run before what the kernel has to tell: after a stall of our own, the answer may be there already.
    socket.setTimeout(TIMEOUT_MS, () => void setImmediate(() => end(false)))
    socket.once('connect', () => end(true))
    socket.once('error', () => end(false))
  })
}
