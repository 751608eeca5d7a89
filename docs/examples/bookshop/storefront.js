// The shop that people see: pages out of catalog and reviews, and the till.
import { call, serve } from './http.js'

const escapes = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
const text = value => String(value).replace(/[&<>"]/g, character => escapes[character])
const price = book => `${((book.discountedCents ?? book.priceCents) / 100).toFixed(2)} EUR`
const page = (title, body) =>
  `<!doctype html><html lang="en"><title>${text(title)}</title><h1>${text(title)}</h1>${body}</html>\n`

serve('storefront', {
  'GET /': async ({ headers }) => {
    const { books } = await call('http://catalog/books', { from: headers })
    const items = books.map(
      book => `<li><a href="/books/${text(book.id)}">${text(book.title)}</a>, ${price(book)}</li>`,
    )
    return { html: page('The Selvedge Bookshop', `<ul>${items.join('')}</ul>`) }
  },
  'GET /books/:id': async ({ params, headers }) => {
    const id = encodeURIComponent(params.id)
    const [book, said] = await Promise.all([
      call(`http://catalog/books/${id}`, { from: headers }),
      call(`http://reviews/books/${id}/reviews`, { from: headers }),
    ])
    const items = said.reviews.map(review => `<li>${review.stars}/5: ${text(review.text)}</li>`)
    const body = `<p>${text(book.author)}, ${price(book)} (catalog ${text(book.version)})</p><ul>${items.join('')}</ul>`
    return { html: page(book.title, body) }
  },
  'POST /orders': async ({ headers, body }) => {
    const order = await call('http://orders/orders', {
      method: 'POST',
      from: headers,
      headers: headers['idempotency-key'] === undefined ? {} : { 'idempotency-key': headers['idempotency-key'] },
      body: { book: body.book, quantity: body.quantity, priceCents: body.priceCents },
    })
    return { status: 201, json: order }
  },
})
