/** Most sidecars have their identity by then, and never open these pages. */
const DELAY_MS = 300

/**
 * Answers probes while there is no identity yet, which a control plane that is away can make long: the event loop turns, and nothing is ready.
 * Without an answer, whoever looks for life would end a sidecar that does all that it can. Returns what frees the port again. Where the port
 * can't be had, whoever opens it next says so.
 */
export function startingPages(host: string, port: number): () => Promise<void> {
  // Nobody knows where a free one would be.
  if (port === 0) return async () => undefined
  let over = false
  let close = async (): Promise<void> => undefined
  let opening: Promise<void> = Promise.resolve()
  const timer = setTimeout(() => {
    opening = open()
  }, DELAY_MS)
  timer.unref()

  async function open(): Promise<void> {
    const { createServer } = await import('node:http')
    if (over) return
    const server = createServer((request, response) => {
      const alive = request.url === '/livez' || request.url === '/healthz'
      const text = alive ? 'ok\n' : 'no identity yet\n'
      response.writeHead(alive ? 200 : 503, {
        ...{ 'content-type': 'text/plain; charset=utf-8', 'content-length': text.length, connection: 'close' },
      })
      response.end(request.method === 'HEAD' ? undefined : text)
    })
    await new Promise<void>(resolve => {
      server.once('error', () => resolve())
      server.listen(port, host, () => resolve())
    })
    close = () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      })
  }

  return async () => {
    over = true
    clearTimeout(timer)
    await opening
    await close()
  }
}
