import type { ServerResponse } from 'node:http'
import type { Sink, StreamAnswer } from './router.ts'

/** Whoever does not read the end of a stream within this time is cut off: what it has not read lies in our memory. */
const END_MS_MAX = 20_000
/** A peer that has silently gone is found after some of these. */
const KEEP_ALIVE_MS = 30_000

/** Answers with lines as they come up, until the stream or its reader ends. */
export function sendStream(response: ServerResponse, { code, stream }: StreamAnswer, denied: AbortSignal): void {
  const gone = new AbortController()
  response.once('close', () => gone.abort())
  response.socket?.setKeepAlive(true, KEEP_ALIVE_MS)
  response.setHeader('content-type', 'application/json')
  response.setHeader('cache-control', 'no-store')
  response.writeHead(code)
  // A watcher of what is quiet wants to know at once that it watches.
  response.flushHeaders()
  let ended = false
  const sink: Sink = {
    write(line) {
      if (!ended && !gone.signal.aborted) response.write(line)
    },
    pendingBytes: () => response.writableLength,
    end() {
      if (ended) return
      ended = true
      response.end()
      const cut = setTimeout(() => response.destroy(), END_MS_MAX)
      response.once('close', () => clearTimeout(cut))
    },
    gone: gone.signal,
    denied,
  }
  if (response.destroyed) gone.abort()
  stream(sink)
}
