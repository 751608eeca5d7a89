// Readers: RATE pages a second (40 when unset), and an order for every second page. Ends on SIGTERM when all answers have come.
import { randomUUID } from 'node:crypto'

const shop = process.env.TARGET ?? 'http://storefront'
const pagesPerSecond = Number(process.env.RATE ?? 40)
const books = ['weft', 'loom', 'edge', 'knot', 'dye']
/** Beyond this many unanswered visits, new ones are left out: a slow shop must not be buried. */
const UNANSWERED_MAX = 100
/** Failures are told at most this often. */
const TELL_EVERY_MS = 1_000

let visits = 0
let failures = 0
let unanswered = 0
let toldAt = 0
let ending = false

async function visit(number) {
  const book = books[number % books.length]
  // Every tenth reader is in the beta group, which a canary may treat in its own way.
  const headers = number % 10 === 0 ? { 'x-user-group': 'beta' } : {}
  await fetched(`${shop}/books/${book}`, { headers })
  if (number % 2 === 1) return
  await fetched(`${shop}/orders`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json', 'idempotency-key': randomUUID() },
    body: JSON.stringify({ book, quantity: 1, priceCents: 2000 }),
  })
}

async function fetched(url, options) {
  const answer = await fetch(url, options)
  const text = await answer.text()
  if (!answer.ok)
    throw new Error(`${url} answered ${answer.status}: ${answer.headers.get('x-selvedge-cause') ?? text.slice(0, 200)}`)
}

function tell(error) {
  failures++
  if (Date.now() - toldAt < TELL_EVERY_MS) return
  toldAt = Date.now()
  console.error(`${failures} of ${visits} visits failed; the last: ${error.cause?.message ?? error.message}`)
}

// Paced by the clock, not by the answers: what is due since the start, in ticks of 25 ms.
const startedAt = performance.now()
const timer = setInterval(() => {
  const due = ((performance.now() - startedAt) / 1000) * pagesPerSecond
  while (visits < due) {
    visits++
    if (unanswered >= UNANSWERED_MAX) continue
    unanswered++
    visit(visits)
      .catch(tell)
      .finally(() => {
        unanswered--
        if (ending && unanswered === 0) end()
      })
  }
}, 25)

function end() {
  console.log(`${visits} visits, ${failures} failed`)
  process.exit(0)
}

console.log(`visiting ${shop}, ${pagesPerSecond} pages a second`)
process.once('SIGTERM', () => {
  ending = true
  clearInterval(timer)
  if (unanswered === 0) end()
})
