import { assert } from '../../common/mod.ts'
import type { RouteRule } from '../../model/snapshot/mod.ts'
import type { Exchange } from '../http/mod.ts'
import type { CarryPlan } from '../upstream/mod.ts'

/** What the route filter settles for the rest of the stack. */
export class OutboundPlan {
  readonly carry: CarryPlan
  /** `undefined` where no route is attached. */
  readonly rule: RouteRule | undefined

  constructor(carry: CarryPlan, rule: RouteRule | undefined) {
    this.carry = carry
    this.rule = rule
  }
}

export function planOf(x: Exchange): OutboundPlan {
  assert(x.plan instanceof OutboundPlan, 'the route filter settles a plan before anything is carried out')
  return x.plan
}
