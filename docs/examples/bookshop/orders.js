// Takes an order, has it paid, remembers it.
import { randomUUID } from 'node:crypto'
import { call, HttpError, serve, think } from './http.js'

/** Orders that are remembered; the oldest goes first. */
const ORDERS_MAX = 10_000
const orders = new Map()

serve('orders', {
  'POST /orders': async ({ headers, body }) => {
    const quantity = body.quantity ?? 1
    if (typeof body.book !== 'string' || !Number.isInteger(quantity) || quantity < 1) {
      throw new HttpError(400, 'an order names a book and a quantity')
    }
    const id = randomUUID()
    await think(1)
    const charge = await call('http://payments/charges', {
      method: 'POST',
      from: headers,
      // The sidecar may send a request with such a key again: payments takes the money once.
      headers: { 'idempotency-key': headers['idempotency-key'] ?? id },
      body: { amountCents: body.priceCents * quantity },
    })
    const order = { id, book: body.book, quantity, charge: charge.id, state: 'paid' }
    orders.set(id, order)
    if (orders.size > ORDERS_MAX) orders.delete(orders.keys().next().value)
    return { status: 201, json: order }
  },
  'GET /orders/:id': ({ params }) => {
    const order = orders.get(params.id)
    if (order === undefined) throw new HttpError(404, `no order "${params.id}"`)
    return { json: order }
  },
})
