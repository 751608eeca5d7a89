// A program that calls others as it is told, through the environment that it was given, and counts what it saw.
// It prints `control PORT`. There: POST /load {url, perSecond, method?, headers?} begins (and forgets what was counted before),
// POST /stop ends and answers once all answers have come, GET /counts, POST /burst {url, count, concurrency, headers?} does so many
// as fast as it can, POST /once {url, method?, headers?} does one and shows it whole.
import { Agent, createServer, request as httpRequest, type IncomingMessage } from 'node:http'

interface Call {
  readonly url: string
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
}

const TIMEOUT_MS = 10_000
const FAILURES_KEPT = 10
const agent = new Agent({ keepAlive: true, proxyEnv: process.env })

let counts = fresh()
let timer: NodeJS.Timeout | undefined
let unanswered = 0

function fresh() {
  return {
    sent: 0,
    done: 0,
    failed: 0,
    slowestMs: 0,
    by: {} as Record<string, number>,
    failures: [] as string[],
  }
}

function once({
  url,
  method = 'GET',
  headers = {},
}: Call): Promise<{ status: number; head: IncomingMessage['headers']; body: string }> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(url, { agent, method, headers, timeout: TIMEOUT_MS }, response => {
      let body = ''
      response.setEncoding('utf8')
      response.on('data', chunk => (body += chunk))
      response.once('end', () => resolve({ status: response.statusCode ?? 0, head: response.headers, body }))
      response.once('error', reject)
    })
    request.once('timeout', () => request.destroy(new Error('no answer in time')))
    request.once('error', reject)
    request.end()
  })
}

async function counted(call: Call): Promise<void> {
  const into = counts
  into.sent++
  unanswered++
  const began = performance.now()
  try {
    const { status, head } = await once(call)
    const by = String(head['x-answered-by'] ?? head['x-catalog-version'] ?? 'nobody')
    into.by[by] = (into.by[by] ?? 0) + 1
    if (status >= 400) failed(into, `${status} ${head['x-selvedge-cause'] ?? ''} from ${by}`)
  } catch (thrown) {
    failed(into, String(thrown))
  } finally {
    unanswered--
    into.done++
    into.slowestMs = Math.max(into.slowestMs, performance.now() - began)
  }
}

function failed(into: ReturnType<typeof fresh>, what: string): void {
  into.failed++
  if (into.failures.length < FAILURES_KEPT) into.failures.push(what)
}

/** Paced by the clock, not by the answers. */
function load(call: Call & { readonly perSecond: number }): void {
  clearInterval(timer)
  counts = fresh()
  const began = performance.now()
  let due = 0
  timer = setInterval(() => {
    for (; due < ((performance.now() - began) / 1000) * call.perSecond; due++) void counted(call)
  }, 10)
}

async function burst(call: Call & { readonly count: number; readonly concurrency: number }): Promise<void> {
  counts = fresh()
  let left = call.count
  const lane = async (): Promise<void> => {
    while (left-- > 0) await counted(call)
  }
  await Promise.all(Array.from({ length: call.concurrency }, lane))
}

async function settled(): Promise<void> {
  clearInterval(timer)
  while (unanswered > 0) await new Promise(resolve => setTimeout(resolve, 10))
}

async function control(path: string, body: string): Promise<unknown> {
  const given = body === '' ? undefined : JSON.parse(body)
  if (path === '/load') load(given)
  else if (path === '/burst') await burst(given)
  else if (path === '/stop') await settled()
  else if (path === '/once') return once(given)
  return counts
}

const server = createServer((request, response) => {
  let body = ''
  request.setEncoding('utf8')
  request.on('data', chunk => (body += chunk))
  request.once('end', () => {
    control(request.url ?? '/', body).then(
      value => response.end(JSON.stringify(value)),
      thrown => response.writeHead(500).end(JSON.stringify(String(thrown))),
    )
  })
})
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  console.log(`control ${typeof address === 'object' ? address?.port : ''}`)
})
process.once('SIGTERM', () => process.exit(0))
