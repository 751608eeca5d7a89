// Takes money once for each idempotency key, however often it is asked.
import { randomUUID } from 'node:crypto'
import { HttpError, serve, think } from './http.js'

/** Keys that are remembered; the oldest goes first. */
const KEYS_MAX = 10_000
const charges = new Map()

serve('payments', {
  'POST /charges': async ({ headers, body }) => {
    const key = headers['idempotency-key']
    if (key === undefined) throw new HttpError(400, 'a charge needs an idempotency-key')
    if (!Number.isInteger(body.amountCents) || body.amountCents <= 0)
      throw new HttpError(400, 'amountCents must be positive')
    const known = charges.get(key)
    if (known !== undefined) return { json: await known }
    const charge = think(4).then(() => ({ id: randomUUID(), amountCents: body.amountCents, state: 'captured' }))
    charges.set(key, charge)
    if (charges.size > KEYS_MAX) charges.delete(charges.keys().next().value)
    return { status: 201, json: await charge }
  },
})
