import type { Random } from '../../common/mod.ts'
import type { Backend } from '../../model/snapshot/mod.ts'
import type { PreparedRule } from './prepared.ts'

/**
 * Draws one backend, each with its weight's share of the sum (GW-6); `undefined` when there is no backend or every
 * weight is 0. An `invalid` backend is drawn like any other: its share is refused (GW-7).
 */
export function pickBackend(rule: PreparedRule, random: Random): Backend | undefined {
  const { backends, weightsUpTo, weightTotal } = rule
  if (weightTotal === 0) return undefined
  if (backends.length === 1) return backends[0]
  const drawn = random() * weightTotal
  // A weight of 0 adds nothing to the sum, so that `drawn` is never between it and the one before.
  for (let i = 0; i < weightsUpTo.length; i++) if (drawn < weightsUpTo[i]!) return backends[i]
  return undefined
}
