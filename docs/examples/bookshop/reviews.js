// What readers say, in memory.
import { HttpError, serve, think } from './http.js'

/** The newest reviews of a book that are kept. */
const REVIEWS_MAX = 50
const reviews = new Map([
  ['weft', [{ stars: 5, text: 'Held my attention from edge to edge.' }]],
  ['loom', [{ stars: 4, text: 'Slow, and better for it.' }]],
  [
    'edge',
    [
      { stars: 5, text: 'It does not unravel.' },
      { stars: 3, text: 'A little thin in the middle.' },
    ],
  ],
])

serve('reviews', {
  'GET /books/:id/reviews': async ({ params }) => {
    await think(2)
    const found = reviews.get(params.id) ?? []
    const stars = found.reduce((sum, review) => sum + review.stars, 0)
    return { json: { book: params.id, average: found.length === 0 ? null : stars / found.length, reviews: found } }
  },
  'POST /books/:id/reviews': async ({ params, body }) => {
    if (!Number.isInteger(body.stars) || body.stars < 1 || body.stars > 5) throw new HttpError(400, 'stars are 1 to 5')
    const held = reviews.get(params.id) ?? []
    reviews.set(params.id, [...held, { stars: body.stars, text: String(body.text ?? '') }].slice(-REVIEWS_MAX))
    return { status: 201, json: { book: params.id, reviews: held.length + 1 } }
  },
})
