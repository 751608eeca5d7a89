// The books. VERSION=v2 is the candidate that a canary tries: it adds a price after discount.
import { HttpError, serve, think } from './http.js'

const version = process.env.VERSION ?? 'v1'
const books = [
  { id: 'weft', title: 'Weft and Warp', author: 'A. Weaver', priceCents: 2400 },
  { id: 'loom', title: 'The Patient Loom', author: 'J. Marten', priceCents: 1850 },
  { id: 'edge', title: 'At the Edge of Cloth', author: 'S. Okafor', priceCents: 3100 },
  { id: 'knot', title: 'Knots and Their Reasons', author: 'L. Brandt', priceCents: 1295 },
  { id: 'dye', title: 'Madder, Weld, Woad', author: 'R. Ito', priceCents: 2750 },
]
const byId = new Map(books.map(book => [book.id, book]))

function shown(book) {
  return version === 'v1' ? book : { ...book, discountedCents: Math.round(book.priceCents * 0.9) }
}

serve(`catalog ${version}`, {
  'GET /books': async () => {
    await think(2)
    return { headers: { 'x-catalog-version': version }, json: { version, books: books.map(shown) } }
  },
  'GET /books/:id': async ({ params }) => {
    await think(1)
    const book = byId.get(params.id)
    if (book === undefined) throw new HttpError(404, `no book "${params.id}"`)
    return { headers: { 'x-catalog-version': version }, json: { version, ...shown(book) } }
  },
})
